import { readdir, readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

/** What has been compressed already, as pictures and fonts, stays as it is. */
const WORDS = ['.html', '.js', '.css', '.svg', '.txt', '.json', '.wasm']
/** Less is not worth a file: it fits into one packet anyway. */
const LEAST = 1_000

const shapes = {
  '.gz': (bytes: Buffer) => promisify(gzip)(bytes, { level: 9 }),
  '.br': (bytes: Buffer) =>
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
}

/** Files with gzip and Brotli beside them, for servers that send those: better, and not again for each visitor. */
export function compress(): Plugin {
  let folder = ''
  return {
    name: 'nano:compress',
    apply: 'build',
    writeBundle({ dir = '' }) {
      folder = dir
    },
    async closeBundle() {
      if (folder === '') return
      const files = await readdir(folder, { recursive: true, withFileTypes: true })
      const wanted = files.filter((file) => file.isFile() && WORDS.includes(extname(file.name)))
      await Promise.all(
        wanted.map(async (file) => {
          const path = join(file.parentPath, file.name)
          const bytes = await readFile(path)
          if (bytes.length < LEAST) return
          for (const [ending, shape] of Object.entries(shapes)) {
            const smaller = await shape(bytes)
            if (smaller.length < bytes.length) await writeFile(path + ending, smaller)
          }
        }),
      )
    },
  }
}
