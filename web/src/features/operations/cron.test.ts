import { expect, it } from 'vitest'
import { dayName, when } from './cron'

it('the schedules of the marketplace are read', () => {
  expect(when('0 */10 * * * *')).toEqual({ every: 'minute', count: 10 })
  expect(when('0 5 * * * *')).toEqual({ hourlyAt: ':05' })
  expect(when('0 0 * * * *')).toEqual({ every: 'hour', count: 1 })
  expect(when('0 15 3 * * *')).toEqual({ at: '03:15', days: 'every' })
})

it('so are other usual ones', () => {
  expect(when('*/5 * * * * *')).toEqual({ every: 'second', count: 5 })
  expect(when('0 0 */6 * * *')).toEqual({ every: 'hour', count: 6 })
  expect(when('30 0 8 * * MON-WED')).toEqual({ at: '08:00:30', days: ['MON', 'TUE', 'WED'] })
  expect(when('0 0 8 ? * Sun *')).toEqual({ at: '08:00', days: ['SUN'] })
  expect(when('0 0 4 1 * *')).toEqual({ at: '04:00', days: 'month', dayOfMonth: 1 })
})

it('what is not sure is not put into words', () => {
  const unsure = [
    '0 0 8 * * 1',
    '0 0 8 * * FRI-MON',
    '0 0 8-10 * * *',
    '0 0 4 1 * MON',
    '0 0 4 1 6 *',
    '0 5',
    '',
  ]
  for (const expression of [...unsure, '0 0 8 * * * 2027', '5 */10 * * * *', '0 0 4 L * *'])
    expect(when(expression), expression).toBeUndefined()
})

it('days have the names of the language', () => {
  expect(dayName('MON', 'de')).toBe('Montag')
  expect(dayName('SUN', 'en')).toBe('Sunday')
})
