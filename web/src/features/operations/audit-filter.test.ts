import { expect, it } from 'vitest'
import { auditAt, readAudit } from './audit-filter'

const PERSON = '01930000-0000-7000-8000-000000000001'
const NOTHING = { user_id: '', action: '', page: 1 }

it('reads which rows an address asks for, and leaves out what it cannot mean', () => {
  expect(readAudit(new URLSearchParams(`user_id=${PERSON}&action=auth.login&page=3`))).toEqual({
    user_id: PERSON,
    action: 'auth.login',
    page: 3,
  })
  const long = `a.${'b'.repeat(63)}`
  for (const odd of [
    '',
    'user_id=ada',
    'action=auth login',
    'action=.login',
    `action=${long}`,
    'page=-1',
    'page=x',
  ]) {
    expect(readAudit(new URLSearchParams(odd)), odd).toEqual(NOTHING)
  }
})

it('writes the same address again, without what says nothing', () => {
  for (const query of ['', `?user_id=${PERSON}`, '?action=mail.judge&page=2']) {
    const address = `/operations/audit${query}`
    expect(auditAt(readAudit(new URLSearchParams(query)))).toBe(address)
  }
  expect(auditAt({})).toBe('/operations/audit')
})
