/** Where to go after signing in: a place on this site, else the first page. Never another site. */
export function inside(next: string | null): string {
  // A backslash counts as a slash in addresses, and two slashes begin a host.
  return next && /^\/(?![/\\])/.test(next) ? next : '/'
}
