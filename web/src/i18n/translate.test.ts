import { expect, it } from 'vitest'
import { at, translate } from './translate'

const tree = {
  greet: 'Hallo {{name}}, {{name}}!',
  found_zero: 'nichts',
  found_one: '{{count, number}} Nano',
  found_other: '{{count, number}} Nanos',
  left_one: 'noch {{count}}',
  left_other: 'noch {{count}}',
  deep: { er: 'hier', list: ['a', 'b'] },
}

const say = (key: string, values = {}, language: 'de' | 'en' = 'de') =>
  translate([tree], key, values, language)

it('puts values into texts', () => {
  expect(say('greet', { name: 'Clara' })).toBe('Hallo Clara, Clara!')
  expect(say('greet', { name: '$1 {{count}}' })).toBe('Hallo $1 {{count}}, $1 {{count}}!')
  expect(say('greet')).toBe('Hallo , !')
})

it('chooses by number, with a text for none where there is one', () => {
  expect([0, 1, 2, 1234].map((count) => say('found', { count }))).toEqual([
    'nichts',
    '1 Nano',
    '2 Nanos',
    '1.234 Nanos',
  ])
  expect(say('found', { count: 1234 }, 'en')).toBe('1,234 Nanos')
  expect(say('left', { count: 0 })).toBe('noch 0')
})

it('finds texts in trees, the first that has one', () => {
  expect(say('deep.er')).toBe('hier')
  expect(translate([{}, undefined, tree], 'deep.er', {}, 'de')).toBe('hier')
  expect(at(tree, 'deep.list')).toEqual(['a', 'b'])
  for (const none of ['deep', 'deep.er.er', 'deep.list.0', 'no', 'constructor']) expect(say(none)).toBe(none)
})
