// What a visitor without a session sees: one calm page that says how to get in.
import type { JSX } from 'preact';
import type { ApiError } from '../api';
import { CopyBox } from '../ui/controls';
import { Mark } from '../ui/icons';

export function Login({ error }: { error: ApiError | undefined }): JSX.Element {
    const refused = error && error.status !== 401;
    return (
        <main class="door">
            <div class="door-water" aria-hidden="true" />
            <div class="door-card">
                <p class="door-mark">
                    <Mark />
                    <span>Weir</span>
                </p>
                {refused ? (
                    <>
                        <h1>No answer</h1>
                        <p role="alert">{error.message} Check that the server is running, then reload this page.</p>
                        <button type="button" class="primary" onClick={() => location.reload()}>
                            Reload
                        </button>
                    </>
                ) : (
                    <>
                        <h1>Log in by a link</h1>
                        <p>There is no password. On the machine where Weir runs, ask for a link and open it in this browser:</p>
                        <CopyBox text="weir login-link" label="The command that prints a link" />
                        <p class="note">
                            A link works once and for a short time. Someone with access to that machine can make one for you:{' '}
                            <code>weir login-link --member NAME</code>
                        </p>
                    </>
                )}
            </div>
        </main>
    );
}
