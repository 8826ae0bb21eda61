/**
 * The WebAssembly says of every archive of the corpus what the server says. `deploy/web.sh check` writes the corpus and
 * the server's verdicts into ARCHIVE_CORPUS (archive/wasm/examples/corpus.rs).
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkArchive } from '../src/node.js'
import { scriptsAllowed } from '../src/format.js'

const folder = process.env.ARCHIVE_CORPUS
if (!folder || !existsSync(join(folder, 'contract.json'))) {
  throw new Error('ARCHIVE_CORPUS names no folder with the corpus; run: deploy/web.sh check')
}
const contract = JSON.parse(readFileSync(join(folder, 'contract.json'), 'utf8'))

/** Where two values differ first, or undefined. */
function difference(ours, theirs, path = '') {
  if (Object.is(ours, theirs)) return undefined
  if (typeof ours !== 'object' || typeof theirs !== 'object' || !ours || !theirs) {
    return `${path}: ${JSON.stringify(ours)} instead of ${JSON.stringify(theirs)}`
  }
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const found = difference(ours[key], theirs[key], `${path}.${key}`)
    if (found) return found
  }
  return undefined
}

/** What WebAssembly and server see differently in one case. */
function compare({ file, format, directory, report }) {
  let first
  const whole = checkArchive(join(folder, file), {
    format,
    onDirectory: (verdict) => (first = verdict.report),
  })
  return difference(first, directory, 'directory') ?? difference(whole, report, 'report')
}

test('every archive of the corpus has the same verdict', () => {
  assert.ok(contract.cases.length > 2_000, `${contract.cases.length} cases`)
  assert.ok(contract.cases.some(({ report }) => report.accepted && report.package))
  const wrong = contract.cases.flatMap((one) => {
    const found = compare(one)
    return found ? [`${one.name} (${one.file}, ${one.format}): ${found}`] : []
  })
  assert.deepEqual(wrong, [])
})

test('another code, entry, count or package would be noticed', () => {
  const one = contract.cases.find(({ report }) => report.findings[0]?.entry)
  const changed = (change) => {
    const report = structuredClone(one.report)
    change(report)
    return compare({ ...one, report })
  }
  assert.equal(
    changed(() => {}),
    undefined,
  )
  assert.match(
    changed((report) => (report.findings[0].code = 'OTHER')),
    /^report\.findings\.0\.code: /,
  )
  assert.match(
    changed((report) => (report.findings[0].entry += 'x')),
    /^report\.findings\.0\.entry: /,
  )
  assert.match(
    changed((report) => (report.findings[0].count += 1)),
    /^report\.findings\.0\.count: /,
  )
  assert.match(
    changed((report) => (report.package = { kind: 'site' })),
    /^report\.package: /,
  )
  assert.match(
    changed((report) => report.findings.pop()),
    /^report\.findings\./,
  )
})

test('the same formats allow scripts', () => {
  for (const [format, allowed] of Object.entries(contract.scripts_allowed)) {
    assert.equal(scriptsAllowed(format), allowed, format)
  }
})

test('the types are those of the reports', () => {
  const types = fileURLToPath(new URL('../types/report', import.meta.url))
  // One report of each set of codes is as good as all of them.
  const reports = new Map(
    contract.cases.map(({ report }) => [
      [
        ...new Set(report.findings.map(({ code }) => code)),
        report.package?.kind,
        Object.keys(report.package ?? {}),
      ].join(),
      report,
    ]),
  )
  const json = (value) => JSON.stringify(value)
  const source = [
    `import type { Code, Format, Report } from ${json(types)}`,
    `export const codes: Record<Code, true> = ${json(Object.fromEntries(contract.codes.map((code) => [code, true])))}`,
    `export const formats: Record<Format, boolean> = ${json(contract.scripts_allowed)}`,
    ...[...reports.values()].map(
      (report, number) => `export const report${number}: Report = ${json(report)}`,
    ),
  ]
  const compilerOptions = {
    noEmit: true,
    strict: true,
    target: 'es2023',
    module: 'esnext',
    moduleResolution: 'bundler',
    types: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), json({ compilerOptions, files: ['reports.ts'] }))
  const tsc = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'))
  const compile = (lines) => {
    writeFileSync(join(folder, 'reports.ts'), lines.join('\n'))
    try {
      execFileSync(process.execPath, [tsc, '--project', folder], { encoding: 'utf8' })
      return ''
    } catch (error) {
      return error.stdout
    }
  }
  const added = `export const more: Report = ${json({ ...contract.cases[0].report, unknown: 1 })}`
  assert.match(compile([...source, added]), /unknown.* does not exist in type 'Report'/)
  assert.equal(compile(source), '')
})
