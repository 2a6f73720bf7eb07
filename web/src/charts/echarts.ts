// The parts of ECharts that the console uses; nothing else is bundled.
import { BarChart, LineChart, SankeyChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';

use([LineChart, BarChart, SankeyChart, GridComponent, TooltipComponent, CanvasRenderer]);

export { init };
