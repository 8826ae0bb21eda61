/** How much of the star at this place (from 1) is full, from 0 to 1. */
export const fullness = (score: number, place: number) => Math.min(1, Math.max(0, score - place + 1))
