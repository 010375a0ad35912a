/** Starts the UI: theme first, then the shell. */
import { mount } from 'svelte';
import App from './App.svelte';
import { clock } from './state/clock.svelte';
import { live } from './state/live.svelte';
import { place } from './state/place.svelte';
import './theme.css';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no element with the id "app"');
place.listen();
live.watchVisibility();
clock.start();
mount(App, { target });
