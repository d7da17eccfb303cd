/** Named listeners; `on` answers the function that removes the listener again. */
export function createEmitter() {
  const listeners = new Map();
  return {
    on(name, listener) {
      if (!listeners.has(name)) listeners.set(name, new Set());
      listeners.get(name).add(listener);
      return () => listeners.get(name).delete(listener);
    },
    emit(name, ...values) {
      for (const listener of [...(listeners.get(name) ?? [])]) listener(...values);
    },
  };
}
