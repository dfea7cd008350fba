/** Numbers as people read them. */

/** `21 ms`, `0.4 s`, `12.0 s`, `3 min 05 s`, `1 h 02 min`. */
export function seconds(value: number): string {
  if (value > 0 && value < 0.0005) return "< 1 ms";
  if (value < 0.0995) return `${Math.round(value * 1000)} ms`;
  if (value < 99.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${two(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** `812 B`, `4.0 KB`, `1.2 MB` (thousands, as file managers count). */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let rest = bytes;
  for (const unit of ["KB", "MB"]) {
    rest /= 1000;
    if (rest < 999.95) return `${rest.toFixed(1)} ${unit}`;
  }
  return `${(rest / 1000).toFixed(1)} GB`;
}

export function dollars(usd: number): string {
  if (usd === 0) return "$0";
  if (usd < 0.01) return `$${usd.toFixed(4)}`;
  return `$${usd.toFixed(2)}`;
}

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `1 step`, `3 steps`. */
export function many(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}

export function clock(at: number): string {
  return new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function day(at: number, now: number): string {
  const date = new Date(at * 1000);
  const today = new Date(now * 1000);
  const midnight = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((midnight(today) - midnight(date)) / 86_400_000);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "This week";
  return date.toLocaleDateString([], { month: "long", year: "numeric" });
}

export function fileName(path: string): string {
  return path.split("/").pop() || path;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
