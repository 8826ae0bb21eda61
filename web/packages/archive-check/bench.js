/**
 * Times, for docs/figures.md: `deploy/web.sh bench`. Makes a file of stored films just below 1 GiB and 100 MB of
 * packed text in the folder that it is given, and leaves them there for who measures the same beside it.
 */

import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { checkArchive, checkDirectory } from './src/node.js'

const MIB = 1 << 20
const folder = process.argv[2]
if (!folder) throw new Error('usage: bench.js FOLDER')

/** A 32-bit generator, always the same. */
let state = 1
const random = (below) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}

/** Words that a packer finds about as often as in a text. */
function text(size) {
  const words = Array.from({ length: 5_000 }, () => {
    return Array.from({ length: 2 + random(8) }, () => String.fromCharCode(97 + random(26))).join('')
  })
  const out = Buffer.alloc(size, ' ')
  for (let at = 0; at < size;)
    at += out.write(`${words[random(5_000)]}${random(12) ? ' ' : '\n'}`, at, 'latin1') || 1
  return out
}

/** A film by its first bytes; the rest does not compress. */
function film(size) {
  const out = Buffer.alloc(size)
  for (let at = 0; at < size; at += 4) out.writeUInt32LE(random(2 ** 32), at)
  out.write('\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41', 0, 'latin1')
  return out
}

/** Writes `count` entries of this content. */
function pack(path, name, count, content, method) {
  const file = openSync(path, 'w')
  const packed = method ? deflateRawSync(content) : content
  const directory = []
  let offset = 0
  const write = (...parts) => parts.forEach((part) => (offset += writeSync(file, part)))
  for (let number = 0; number < count; number += 1) {
    const raw = Buffer.from(`${number} ${name}`)
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(method, 4)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(content.length, 18)
    fields.writeUInt16LE(raw.length, 22)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\0', 'latin1'), fields, rest, raw)
    write(Buffer.from('PK\x03\x04', 'latin1'), fields, raw, packed)
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(Buffer.concat(directory).length, 12)
  end.writeUInt32LE(offset, 16)
  write(...directory, end)
  closeSync(file)
}

function best(times, work) {
  let least = Infinity
  for (let time = 0; time < times; time += 1) {
    const start = performance.now()
    work()
    least = Math.min(least, performance.now() - start)
  }
  return least
}

for (const [file, name, count, make, method] of [
  ['films.zip', 'film.mp4', 63, () => film(16 * MIB), 0],
  ['texts.zip', 'text.txt', 20, () => text(5_000_000), 8],
]) {
  const path = join(folder, file)
  if (!existsSync(path)) pack(path, name, count, make(), method)
  checkDirectory(path)
  const directory = best(9, () => checkDirectory(path)).toFixed(2)
  const accepted = () => {
    const report = checkArchive(path)
    if (!report.accepted) throw new Error(JSON.stringify(report.findings))
  }
  console.log(`${path}: directory ${directory} ms, content ${best(3, accepted).toFixed(0)} ms`)
}
console.log(`memory: at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB in all`)
