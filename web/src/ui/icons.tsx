// Drawn for the console: strokes on a 20-unit grid, in the colour of the text around them.
import type { JSX } from 'preact';

const PATHS = {
    insights: 'M3 16.5h14M4 12.5l3.6-4 3 2.6L16 4.5M16 8V4.5h-3.5',
    funnel: 'M3 4h14l-3 4H6zM6 8l1.6 4h4.8L14 8M7.6 12l.9 4.5h3l.9-4.5',
    retention: 'M3.5 3.5h13v13h-13zM3.5 7.8h13M3.5 12.1h13M7.8 3.5v13M12.1 3.5v8.6',
    flows: 'M3 5.5c6 0 8 0 14-1.5M3 10c5 0 8 5.5 14 5.5M3 7.500c6 0 8 2 14 2',
    users: 'M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.500 16.500c0-3 2.200-4.700 5-4.700s5 1.700 5 4.700M13 3.800a3 3 0 0 1 0 5.500M14.600 12.100c1.800.6 2.900 2.100 2.900 4.400',
    events: 'M7 5h10M7 10h10M7 15h10M3.200 5h.6M3.200 10h.6M3.200 15h.6',
    live: 'M2.500 10.500h3l2-6 4 11 2.200-6.500 1 1.500h2.800',
    setup: 'M3 6h7M14 6h3M3 14h3M10 14h7M10 6a2 2 0 1 0 4 0 2 2 0 0 0-4 0zM6 14a2 2 0 1 0 4 0 2 2 0 0 0-4 0z',
    plus: 'M10 4.500v11M4.500 10h11',
    close: 'M5.500 5.500l9 9M14.500 5.500l-9 9',
    down: 'M5.500 8l4.500 4.500L14.500 8',
    up: 'M5.500 12.500L10 8l4.500 4.500',
    filter: 'M3 5h14M6 10h8M8.500 15h3',
    copy: 'M7 7h9.500v9.500H7zM13 7V3.500H3.500V13H7',
    sun: 'M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100',
    moon: 'M16 12.200A6.700 6.700 0 0 1 7.800 4a6.500 6.500 0 1 0 8.200 8.200z',
    auto: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 3v14M10 6.500h5.500M10 10h7M10 13.500h5.500',
    keys: 'M2.500 5.500h15v9h-15zM5.500 8.500h.1M8.500 8.500h.1M11.500 8.500h.1M14.500 8.500h.1M6.500 11.700h7',
    out: 'M12 4H4v12h8M8.500 10h9M14.500 7l3 3-3 3',
    search: 'M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4zM12.700 12.700L17 17',
    pause: 'M7 4.500v11M13 4.500v11',
    play: 'M6.500 4.500l9 5.500-9 5.500z',
    link: 'M8.500 11.500l3-3M9 6l1.700-1.700a3.200 3.200 0 0 1 4.600 4.600L13.600 10.600M11 14l-1.700 1.700a3.200 3.200 0 0 1-4.600-4.600L6.400 9.400',
    reload: 'M16 10a6 6 0 1 1-1.800-4.300M16.500 3.500v3.300h-3.300',
    lock: 'M5 9h10v7.500H5zM7 9V6.500a3 3 0 0 1 6 0V9',
    key: 'M12.500 4a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 10l-6.500 6.500M5.500 14.500l2 2',
    table: 'M3.500 4h13v12h-13zM3.500 8h13M8.500 8v8',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
    return (
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
            <path d={PATHS[name]} />
        </svg>
    );
}

/** The mark: a measuring weir's plate with its notch, and the water standing at its level. */
export function Mark(): JSX.Element {
    return (
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path class="mark-plate" d="M2 7h7l7 15 7-15h7v20H2z" />
            <path class="mark-water" d="M10.900 11h10.200L16 22z" />
            <path class="mark-level" d="M1 11h30" />
        </svg>
    );
}
