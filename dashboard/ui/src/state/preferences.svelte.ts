/**
 * What this reader prefers on this machine: theme, time zone, wrapped records, single-key shortcuts, and what they are called. Remembered in local
 * storage; without storage (private windows) everything still works and is forgotten.
 */
import type { Zone } from '../format';
import { NAME_CHARACTERS_MAX } from '../plain';

export const THEMES = ['auto', 'dark', 'light'] as const;
export type Theme = (typeof THEMES)[number];

const STORAGE_KEY = 'seismolog';
const darkSystem = window.matchMedia('(prefers-color-scheme: dark)');

interface Stored {
  theme: Theme;
  zone: Zone;
  wrap: boolean;
  singleKeys: boolean;
  name: string;
}

function readStored(): Partial<Stored> {
  try {
    return (JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}') ?? {}) as Partial<Stored>;
  } catch {
    return {};
  }
}

class Preferences {
  theme = $state<Theme>('auto');
  zone = $state<Zone>('utc');
  wrap = $state(true);
  singleKeys = $state(true);
  /** Shown with what the reader decides; may be empty. */
  name = $state('');
  #systemDark = $state(darkSystem.matches);
  /** True when the page is dark now; charts read it because canvas does not follow CSS. */
  dark = $derived(this.theme === 'dark' || (this.theme === 'auto' && this.#systemDark));

  constructor() {
    const stored = readStored();
    this.theme = THEMES.find((theme) => theme === stored.theme) ?? 'auto';
    this.zone = stored.zone === 'local' ? 'local' : 'utc';
    this.wrap = stored.wrap ?? true;
    this.singleKeys = stored.singleKeys ?? true;
    this.name = typeof stored.name === 'string' ? stored.name.slice(0, NAME_CHARACTERS_MAX) : '';
    this.#applyTheme();
    darkSystem.addEventListener('change', (event) => (this.#systemDark = event.matches));
  }

  set(changes: Partial<Stored>): void {
    Object.assign(this, changes);
    this.#applyTheme();
    const { theme, zone, wrap, singleKeys, name } = this;
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify({ theme, zone, wrap, singleKeys, name }));
    } catch {
      // Nothing can be stored here; the choice lasts until the page is closed.
    }
  }

  #applyTheme(): void {
    document.documentElement.dataset.theme = this.theme;
  }
}

export const preferences = new Preferences();
