/**
 * How the UI is built, tested and developed.
 *
 * The build is deterministic: content-hashed names, no source maps, no network. `dist/.gitignore` stays where it is, so
 * that cargo can build without Node. Nothing is inlined as a `data:` address, because the server's content security
 * policy is `default-src 'self'`. With `--mode mock` the dev and preview servers answer the API themselves (see mock/).
 */
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { mockApi } from './mock/plugin.ts';

/** Where `npm run dev` finds a running `seismolog`. */
const API_ADDRESS = process.env.SEISMOLOG_API ?? 'http://127.0.0.1:8740';
const API_PATHS = ['/api', '/readyz', '/livez', '/version', '/metrics', '/login'];

/** Empties the folder that is built into, usually `dist`, but keeps the committed `.gitignore`. */
function cleanDistFolder(): Plugin {
  let folder = join(import.meta.dirname, 'dist');
  return {
    name: 'seismolog-clean-dist',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    buildStart() {
      if (!existsSync(folder)) return;
      for (const name of readdirSync(folder)) {
        if (name !== '.gitignore') rmSync(join(folder, name), { recursive: true });
      }
    },
  };
}

export default defineConfig(({ mode }) => ({
  base: '/',
  plugins: [svelte(), cleanDistFolder(), ...(mode === 'mock' ? [mockApi()] : [])],
  build: {
    target: 'es2023',
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
  server: {
    // The server compares Origin with Host before it changes anything, so the Host of the browser stays.
    proxy: mode === 'mock' ? {} : Object.fromEntries(API_PATHS.map((path) => [path, { target: API_ADDRESS, changeOrigin: false }])),
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
}));
