/** The design's vocabulary for what draws on a canvas and takes its colours once, not from the style sheet. */
import { useSyncExternalStore } from "react";

const LIGHT = "(prefers-color-scheme: light)";

/** What a name of the style sheet stands for now. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function watch(changed: () => void): () => void {
  const [observer, system] = [new MutationObserver(changed), window.matchMedia(LIGHT)];
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}

/** Which theme is shown: what was drawn in the colours of another one is drawn anew. */
export function useTheme(): string {
  return useSyncExternalStore(
    watch,
    () => document.documentElement.dataset["theme"] ?? (window.matchMedia(LIGHT).matches ? "light" : "dark"),
  );
}
