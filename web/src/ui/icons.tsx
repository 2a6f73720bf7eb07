// Drawn for the console: strokes on a 20-unit grid, in the colour of the text around them.
import type { JSX } from 'preact';

const PATHS = {
    insights: 'M3 16.5h14M4 12.5l3.6-4 3 2.6L16 4.5M16 8V4.5h-3.5',
    funnel: 'M3 4h14l-3 4H6zM6 8l1.6 4h4.8L14 8M7.6 12l.9 4.5h3l.9-4.5',
    retention: 'M3.5 3.5h13v13h-13zM3.5 7.8h13M3.5 12.1h13M7.8 3.5v13M12.1 3.5v8.6',
    flows: 'M3 5.5c6 0 8 0 14-1.5M3 10c5 0 8 5.5 14 5.5M3 7.500c6 0 8 2 14 2',
    users: 'M7.5 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 16.500c0-3 2.2-4.7 5-4.700s5 1.7 5 4.7M13 3.800a3 3 0 0 1 0 5.5M14.6 12.100c1.8.6 2.9 2.1 2.9 4.4',
    events: 'M7 5h10M7 10h10M7 15h10M3.2 5h.6M3.2 10h.6M3.2 15h.6',
    live: 'M2.5 10.5h3l2-6 4 11 2.2-6.5 1 1.5h2.8',
    health: 'M10 16.500C5.500 13 3 10.600 3 7.800 3 5.700 4.600 4.200 6.500 4.200c1.400 0 2.700.8 3.500 2.100.8-1.300 2.100-2.100 3.500-2.100 1.900 0 3.500 1.500 3.500 3.600 0 2.800-2.500 5.200-7 8.700zM5 9.500h2.700l1.300-2.300 2 4.200 1.200-1.900H15',
    data: 'M16 5.500c0 1.4-2.7 2.500-6 2.500s-6-1.100-6-2.500S6.700 3 10 3s6 1.100 6 2.500zM4 5.500v9C4 15.900 6.700 17 10 17s6-1.100 6-2.500v-9M4 10c0 1.400 2.700 2.500 6 2.500s6-1.100 6-2.500',
    setup: 'M3 6h7M14 6h3M3 14h3M10 14h7M10 6a2 2 0 1 0 4 0 2 2 0 0 0-4 0zM6 14a2 2 0 1 0 4 0 2 2 0 0 0-4 0z',
    plus: 'M10 4.5v11M4.5 10h11',
    close: 'M5.5 5.5l9 9M14.5 5.5l-9 9',
    down: 'M5.5 8l4.5 4.5L14.5 8',
    up: 'M5.5 12.5L10 8l4.5 4.5',
    filter: 'M3 5h14M6 10h8M8.5 15h3',
    back: 'M12 4.5L6.500 10l5.500 5.5',
    copy: 'M7 7h9.5v9.5H7zM13 7V3.5H3.500V13H7',
    sun: 'M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.5M10 16.500V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1',
    moon: 'M16 12.200A6.7 6.7 0 0 1 7.8 4a6.5 6.5 0 1 0 8.2 8.2z',
    auto: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 3v14M10 6.5h5.5M10 10h7M10 13.5h5.5',
    keys: 'M2.5 5.5h15v9h-15zM5.5 8.5h.1M8.5 8.5h.1M11.5 8.5h.1M14.5 8.5h.1M6.5 11.7h7',
    out: 'M12 4H4v12h8M8.5 10h9M14.5 7l3 3-3 3',
    search: 'M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4zM12.7 12.7L17 17',
    pause: 'M7 4.5v11M13 4.5v11',
    play: 'M6.5 4.5l9 5.5-9 5.5z',
    link: 'M8.5 11.5l3-3M9 6l1.7-1.700a3.2 3.2 0 0 1 4.6 4.6L13.6 10.6M11 14l-1.7 1.700a3.2 3.2 0 0 1-4.6-4.6L6.4 9.4',
    reload: 'M16 10a6 6 0 1 1-1.8-4.3M16.5 3.5v3.3h-3.3',
    lock: 'M5 9h10v7.5H5zM7 9V6.500a3 3 0 0 1 6 0V9',
    key: 'M12.5 4a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 10l-6.5 6.5M5.5 14.5l2 2',
    table: 'M3.5 4h13v12h-13zM3.5 8h13M8.5 8v8',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
    return (
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
            <path d={PATHS[name]} />
        </svg>
    );
}

/** The mark: two notches of a measuring weir, which make a W, and the water standing in them at its level. */
export function Mark(): JSX.Element {
    return (
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path class="mark-water" d="M6.2 12.5h8.9l-4.6 12zM16.9 12.5h8.9l-4.3 12z" />
            <path class="mark-plate" d="M3.5 6l7 19L16 10.5 21.5 25l7-19" />
        </svg>
    );
}
