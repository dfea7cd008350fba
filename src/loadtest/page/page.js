"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 560px)");
  const axis = (own, grid) => ({ gridcolor: grid, zerolinecolor: grid, fixedrange: true, automargin: true, separatethousands: true, ...own });
  const layout = (own) => {
    const ink = dark.matches ? "#e6eaef" : "#1f2933", grid = dark.matches ? "#35404c" : "#e4e7eb";
    const made = {
      margin: { l: 56, r: 16, t: 8, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: narrow.matches ? 11 : 13, color: ink }, dragmode: false, hovermode: "closest",
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, ...own, xaxis: axis(own.xaxis, grid), yaxis: axis(own.yaxis, grid),
    };
    if (own.yaxis2) made.yaxis2 = { ...axis(own.yaxis2, grid), rangemode: "tozero" };
    return made;
  };
  const draw = () => document.querySelectorAll("[data-chart]").forEach((place) => {
    const chart = charts[place.dataset.chart];
    Plotly.react(place, chart.data, layout(chart.layout), { responsive: true, displayModeBar: false });
  });
  draw();
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
})();
