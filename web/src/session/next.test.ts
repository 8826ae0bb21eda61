import { expect, it } from 'vitest'
import { inside } from './next'

it('leads to places on this site only', () => {
  expect(inside('/studio?page=2')).toBe('/studio?page=2')
  for (const bad of [
    null,
    '',
    'studio',
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:x',
  ]) {
    expect(inside(bad), String(bad)).toBe('/')
  }
})
