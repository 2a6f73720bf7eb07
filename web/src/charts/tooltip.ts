// The charts' tooltip as elements with classes: the page's policy allows no inline style in markup, and text stays text.

export interface TipRow {
    colour: string;
    text: string;
    value: string;
}

const ROWS_MAX = 12;

function element(tag: string, className: string, text?: string): HTMLElement {
    const e = document.createElement(tag);
    e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
}

export function tooltip(title: string, rows: TipRow[], note?: string): HTMLElement {
    const root = element('div', 'chart-tip');
    root.append(element('div', 'chart-tip-title', title));
    for (const row of rows.slice(0, ROWS_MAX)) {
        const line = element('div', 'chart-tip-row');
        const swatch = element('span', 'swatch');
        swatch.style.background = row.colour;
        line.append(swatch, element('span', 'chart-tip-text', row.text), element('span', 'chart-tip-value', row.value));
        root.append(line);
    }
    if (rows.length > ROWS_MAX) root.append(element('div', 'chart-tip-note', `and ${rows.length - ROWS_MAX} more`));
    if (note) root.append(element('div', 'chart-tip-note', note));
    return root;
}

/** What every tooltip of ECharts shares. */
export const TOOLTIP_BASE = {
    confine: true,
    appendTo: undefined,
    className: 'chart-tip-box',
    backgroundColor: 'transparent',
    borderWidth: 0,
    padding: 0,
    extraCssText: 'box-shadow:none',
    transitionDuration: 0.08,
} as const;
