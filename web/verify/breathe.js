// Room for what waits.

/**
 * Lets a touch or a frame come between two parts of the work, where the browser then goes on with the work first. Elsewhere it goes on at
 * once: what waits behind other tasks is late, and in a tab that is not looked at by a second.
 */
export const breathe = () => globalThis.scheduler?.yield?.();
