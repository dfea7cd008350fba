"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const isNarrow = () => window.innerWidth < 560;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const layout = (own) => ({
    margin: { l: isNarrow() ? 52 : 68, r: 12, t: 24, b: isNarrow() ? 84 : 76 },
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", font: { family: "system-ui, sans-serif", size: isNarrow() ? 11 : 13, color: "#1f2933" },
    hovermode: "x unified", dragmode: false, transition: still ? undefined : { duration: 0 },
    legend: { orientation: "h", y: -0.2, x: 0 },
    ...own,
    xaxis: { gridcolor: "#eef2f6", fixedrange: true, ...(own.xaxis || {}) },
    yaxis: { gridcolor: "#e4e7eb", fixedrange: true, zerolinecolor: "#52606d", separatethousands: true, ...(own.yaxis || {}) },
  });
  const draw = (place) => {
    const chart = charts[place.dataset.chart];
    if (chart) Plotly.react(place, chart.data, layout(chart.layout), { responsive: true, displayModeBar: false });
  };
  const places = [...document.querySelectorAll("[data-chart]")];
  places.forEach(draw);
  let wasNarrow = isNarrow();
  window.addEventListener("resize", () => {
    if (isNarrow() !== wasNarrow) { wasNarrow = isNarrow(); places.forEach(draw); }
  });
})();
