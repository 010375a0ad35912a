/** Who answers to a keyboard command right now: the newest component that asked for it. */
import type { Command } from '../keys';

type Action = () => void;
const listeners = new Map<Command, Action[]>();

/** Registers until the returned function is called; made for `$effect`. */
export function onCommand(command: Command, action: Action): () => void {
  const actions = listeners.get(command) ?? [];
  listeners.set(command, [...actions, action]);
  return () => {
    const left = (listeners.get(command) ?? []).filter((other) => other !== action);
    listeners.set(command, left);
  };
}

/** Runs the command; false when nobody on this page answers to it. */
export function runCommand(command: Command): boolean {
  const action = listeners.get(command)?.at(-1);
  action?.();
  return action !== undefined;
}
