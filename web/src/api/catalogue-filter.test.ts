import { expect, it } from 'vitest'
import { address, names, readFilter } from './catalogue-filter'

const none = { q: '', category: '', level: '', language: '', minutes: '', page: 1 }
const read = (query: string) => readFilter(new URLSearchParams(query))

it('drops what an address cannot mean', () => {
  for (const bad of [
    'level=9',
    'level=abc',
    'minutes=7',
    'level=',
    'language=fr',
    'category=%3Cscript%3E',
    'page=0',
    'page=-1',
    'page=1.2.3',
    'page=NaN',
    'q=%20%20',
    'other=1',
  ]) {
    expect(read(bad), bad).toEqual(none)
  }
})

it('knows what no search can find', () => {
  for (const words of ['🐍', '***', '?!', ' ']) expect(names(words), words).toBe(false)
  for (const words of ['C++', 'Übung', '7', '数学', '🐍 Python']) expect(names(words), words).toBe(true)
})

it('clamps what is too much', () => {
  expect(read('page=99999999').page).toBe(400)
  expect(read('page=2.9').page).toBe(2)
  expect(read(`q=${'a'.repeat(500)}`).q).toHaveLength(200)
})

it('keeps what it can mean, there and back', () => {
  const filter = {
    q: 'Pivot 🐍',
    category: 'daten-excel',
    level: '3',
    language: 'en',
    minutes: '10',
    page: 7,
  }
  expect(readFilter(new URLSearchParams(address(filter).slice(1)))).toEqual(filter)
  expect(address(none)).toBe('/')
})
