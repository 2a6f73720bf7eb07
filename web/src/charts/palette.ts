// The colours of series and of the chart's furniture, read from the style sheet so that both themes have one source.

export interface Palette {
    series: string[];
    ink: string;
    muted: string;
    line: string;
    surface: string;
    other: string;
}

const SERIES_N = 10;

export function palette(): Palette {
    const style = getComputedStyle(document.documentElement);
    const read = (name: string): string => style.getPropertyValue(name).trim();
    return {
        series: Array.from({ length: SERIES_N }, (_, i) => read(`--series-${i + 1}`)),
        ink: read('--ink'),
        muted: read('--muted'),
        line: read('--line'),
        surface: read('--surface'),
        other: read('--series-other'),
    };
}

export const seriesVar = (i: number): string => `var(--series-${(i % SERIES_N) + 1})`;
