// A link can say anything. If a page cannot be drawn from it, this says so and offers a fresh one.
import { Component, type ComponentChildren, type JSX } from 'preact';
import { Calm } from './states';

interface Props {
    onReset: () => void;
    children: ComponentChildren;
}

export class Boundary extends Component<Props, { broken: boolean }> {
    override state = { broken: false };

    override componentDidCatch(): void {
        this.setState({ broken: true });
    }

    override render(): JSX.Element {
        if (!this.state.broken) return <>{this.props.children}</>;
        const reset = (): void => {
            this.setState({ broken: false });
            this.props.onReset();
        };
        return (
            <Calm
                alert
                title="This page cannot be drawn"
                action={
                    <button type="button" class="primary" onClick={reset}>
                        Start fresh
                    </button>
                }
            >
                <p>The link it came from may be damaged or from another version.</p>
            </Calm>
        );
    }
}
