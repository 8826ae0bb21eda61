/** The server's clock as seen from here: running times are told by its timestamps, not by this machine's. */
let ahead = 0

export function noteServerTime(timestamp: string) {
  const time = Date.parse(timestamp)
  if (!Number.isNaN(time)) ahead = time - Date.now()
}

export const serverNow = () => Date.now() + ahead
