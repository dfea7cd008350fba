"use strict";
(() => {
  const text = document.getElementById("charts").textContent;
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const onDark = { "#0072B2": "#56b4e9", "#B35900": "#f0a640", "#A8321A": "#ff8a70", "#00704F": "#4cc79a", "#6B7785": "#a9b4c0",
    "rgba(0,114,178,0.16)": "rgba(86,180,233,0.24)" };
  let charts, ink, line, isPrinting = false;
  const colour = () => {
    const isDark = prefersDark.matches && !isPrinting;
    charts = JSON.parse(isDark ? Object.entries(onDark).reduce((made, [light, dark]) => made.replaceAll(light, dark), text) : text);
    ink = isDark ? "#e6ebf0" : "#1f2933";
    line = isDark ? "#313c48" : "#e4e7eb";
  };
  const isNarrow = () => window.innerWidth < 560;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const layout = (own) => ({
    margin: { l: isNarrow() ? 52 : 68, r: 12, t: 24, b: isNarrow() ? 84 : 76 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "system-ui, sans-serif", size: isNarrow() ? 11 : 13, color: ink },
    hovermode: "x unified", dragmode: false, transition: still ? undefined : { duration: 0 },
    legend: { orientation: "h", y: -0.2, x: 0 },
    ...own,
    xaxis: { gridcolor: line, fixedrange: true, ticks: "outside", ticklen: 7, tickcolor: "rgba(0,0,0,0)", ...(own.xaxis || {}) },
    yaxis: { gridcolor: line, fixedrange: true, zerolinecolor: ink, separatethousands: true, ...(own.yaxis || {}) },
  });
  const draw = (place) => {
    const chart = charts[place.dataset.chart];
    if (chart) Plotly.react(place, chart.data, layout(chart.layout), { responsive: true, displayModeBar: false });
  };
  const places = [...document.querySelectorAll("[data-chart]")];
  const drawAll = () => { colour(); places.forEach(draw); };
  drawAll();
  prefersDark.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => { isPrinting = true; drawAll(); });
  window.addEventListener("afterprint", () => { isPrinting = false; drawAll(); });
  let wasNarrow = isNarrow();
  window.addEventListener("resize", () => {
    if (isNarrow() !== wasNarrow) { wasNarrow = isNarrow(); places.forEach(draw); }
  });
})();
