/**
 * Where the reader is: the address bar as reactive state. Pages read `place.address`, change it with `go`, and plain
 * links work because clicks on them are caught here.
 */
import { tick } from 'svelte';
import { type Address, addressOf, formatAddress, type PageName, parseAddress, type View } from '../routes';

class Place {
  address = $state.raw<Address>(parseAddress(location.pathname, location.search));

  get view(): View {
    return this.address.view;
  }

  /** Goes to an address; `replace` leaves no step to go back to (for text typed into a filter). */
  go(address: Address, how: 'push' | 'replace' = 'push'): void {
    const path = formatAddress(address);
    const samePage = address.page === this.address.page && address.id === this.address.id;
    history.replaceState({ scroll: window.scrollY }, '');
    if (how === 'push') history.pushState({ scroll: samePage ? window.scrollY : 0 }, '', path);
    else history.replaceState({ scroll: window.scrollY }, '', path);
    this.address = address;
    if (!samePage) void this.#arrive(0);
  }

  /** Changes parts of the view of this page. */
  change(changes: Partial<View>, how: 'push' | 'replace' = 'push'): void {
    this.go({ ...this.address, view: { ...this.view, ...changes } }, how);
  }

  /** The link to this page with parts of its view changed. */
  here(changes: Partial<View>): string {
    return formatAddress({ ...this.address, view: { ...this.view, ...changes } });
  }

  /** The link to another page, keeping the time range. */
  link(page: PageName, changes: Partial<View> = {}, id = ''): string {
    return formatAddress(addressOf(page, this.view, changes, id));
  }

  listen(): void {
    history.scrollRestoration = 'manual';
    window.addEventListener('popstate', (event) => {
      this.address = parseAddress(location.pathname, location.search);
      const state = event.state as { scroll?: number } | null;
      void this.#arrive(state?.scroll ?? 0);
    });
    document.addEventListener('click', (event) => this.#click(event));
  }

  async #arrive(scroll: number): Promise<void> {
    await tick();
    window.scrollTo(0, scroll);
    this.#focus();
  }

  /** A page that had to be loaded first is there now: its reader begins where it says, unless they went on already. */
  async begin(): Promise<void> {
    await tick();
    const focused = document.activeElement;
    if (focused === document.getElementById('content') || focused === document.body) this.#focus();
  }

  #focus(): void {
    // A page may say where its reader begins; otherwise it is the start of its content.
    const start = document.querySelector<HTMLElement>('#content [data-arrive]') ?? document.getElementById('content');
    start?.focus({ preventScroll: true });
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest('a');
    if (!link || link.target !== '' || link.origin !== location.origin || link.hasAttribute('download')) return;
    if (link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    this.go(parseAddress(link.pathname, link.search));
  }
}

export const place = new Place();
