import { gzipSync } from 'node:zlib'
import type { Plugin, Rolldown } from 'vite'

interface Budget {
  /** Bytes of JavaScript, after gzip, before a page is seen. */
  most: number
  /** Pages by their address, and the module each comes with. */
  pages: Record<string, string>
}

/** Fails a build whose pages need more JavaScript than they may, and says how much each needs. */
export function budget({ most, pages }: Budget): Plugin {
  return {
    name: 'nano:budget',
    apply: 'build',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
      const entry = chunks.find((chunk) => chunk.isEntry)
      if (!entry) return
      const over: string[] = []
      for (const [address, module] of Object.entries(pages)) {
        const page = chunks.find((chunk) => chunk.moduleIds.some((id) => id.endsWith(`/src/${module}`)))
        if (!page) this.error(`the page ${address} is not in the build: ${module}`)
        const needed = new Set([...reach(entry, chunks), ...reach(page, chunks)])
        const size = [...needed].reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0)
        console.log(
          `JavaScript to the first paint of ${address}: ${size} bytes of ${most} (${needed.size} files)`,
        )
        if (size > most) over.push(address)
      }
      if (over.length > 0) this.error(`too much JavaScript to the first paint of ${over.join(', ')}`)
    },
  }
}

/** A chunk and what it cannot run without. */
function reach(
  from: Rolldown.OutputChunk,
  chunks: Rolldown.OutputChunk[],
  found = new Set<Rolldown.OutputChunk>(),
) {
  if (found.has(from)) return found
  found.add(from)
  for (const name of from.imports) {
    const chunk = chunks.find(({ fileName }) => fileName === name)
    if (chunk) reach(chunk, chunks, found)
  }
  return found
}
