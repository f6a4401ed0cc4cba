/** Dark, light, or as the system says; kept in this browser. */
export type Theme = "system" | "dark" | "light";

const KEY = "exchequer.theme";

export function theme(): Theme {
  const kept = window.localStorage.getItem(KEY);
  return kept === "dark" || kept === "light" ? kept : "system";
}

export function applyTheme(next: Theme = theme()): void {
  if (next === "system") {
    window.localStorage.removeItem(KEY);
    delete document.documentElement.dataset["theme"];
  } else {
    window.localStorage.setItem(KEY, next);
    document.documentElement.dataset["theme"] = next;
  }
}
