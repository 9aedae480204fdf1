/* useChart.ts - one uPlot in an element: made anew when its options change, fed when only its data does. */
import { useEffect, useRef, useState, type RefObject } from "react";
import uPlot from "uplot";

export type ChartOptions = Omit<uPlot.Options, "width" | "height">;

export function useChart(
  host: RefObject<HTMLDivElement | null>,
  options: ChartOptions,
  data: uPlot.AlignedData,
  height: number,
): void {
  const chart = useRef<uPlot>(undefined);
  const latest = useRef(data);
  const [width, setWidth] = useState(0);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [host]);

  useEffect(() => {
    latest.current = data;
  }, [data]);

  const visible = width > 0;
  useEffect(() => {
    const element = host.current;
    if (!element || !visible) return;
    chart.current = new uPlot({ ...options, width: element.clientWidth, height }, latest.current, element);
    return () => {
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [host, options, height, visible]);

  useEffect(() => {
    if (width > 0) chart.current?.setSize({ width, height });
  }, [width, height]);
  useEffect(() => {
    chart.current?.setData(data);
  }, [data]);
}
