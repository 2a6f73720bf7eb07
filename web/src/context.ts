// What every part of a project's pages may ask for without it being handed down.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Nav } from './hooks';
import type { Lexicon, Project, Session } from './types';

export interface Here {
    session: Session;
    project: Project;
    lexicon: Lexicon;
    reloadLexicon: () => void;
    nav: Nav;
}

export const HereContext = createContext<Here | null>(null);

export function useHere(): Here {
    const here = useContext(HereContext);
    if (!here) throw new Error('outside a project');
    return here;
}
