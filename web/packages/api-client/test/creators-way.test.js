// A creator's way with the generated client, from login to the catalogue, against a running API. `make test` starts one
// (`tests/it/clients/typescript.rs`) and says in the environment where it is and who the creator is.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createNanoClient } from '../src/index.js'

/** @param {string} name */
function setting(name) {
  const value = process.env[name]
  assert.ok(value, `${name} is not set: this test is run by make test`)
  return value
}

/**
 * The `data` of a good answer.
 * @template T
 * @param {{ data?: { data: T }, error?: unknown, response: Response }} answer
 */
function data(answer) {
  assert.ok(answer.data, `${answer.response.status}: ${JSON.stringify(answer.error)}`)
  return answer.data.data
}

const baseUrl = setting('NANO_URL')
const guest = createNanoClient({ baseUrl })

test('a creator publishes a unit', async () => {
  const login = await guest.POST('/api/v1/auth/login', {
    body: { email: setting('NANO_EMAIL'), password: setting('NANO_PASSWORD') },
  })
  const { access_token } = data(login)
  const creator = createNanoClient({ baseUrl, accessToken: () => access_token })
  assert.equal(data(await creator.GET('/api/v1/auth/me')).email, setting('NANO_EMAIL'))

  const [category] = data(await guest.GET('/api/v1/categories'))
  assert.ok(category)
  const draft = data(
    await creator.POST('/api/v1/nanos', {
      body: {
        title: 'Reading a box plot',
        description: 'Median, quartiles and outliers in ten minutes.',
        duration_minutes: 10,
        level: 1,
        language: 'en',
        format: 'mixed',
        license: 'CC-BY',
        categories: [category.slug],
      },
    }),
  )
  assert.equal(draft.status, 'draft')

  const archive = await readFile(setting('NANO_ARCHIVE'))
  const upload = data(
    await creator.PUT('/api/v1/nanos/{id}/file', {
      params: { path: { id: draft.id }, query: { filename: 'sample-nano.zip' } },
      // The document has bytes as a string of no encoding; they go as they are.
      body: '',
      bodySerializer: () => archive,
      headers: { 'Content-Type': 'application/octet-stream' },
    }),
  )
  assert.equal(upload.size, archive.length)
  const { job_id } = data(
    await creator.POST('/api/v1/uploads/{id}/finish', { params: { path: { id: upload.id } }, body: {} }),
  )
  assert.equal(data(await creator.GET('/api/v1/jobs/{id}', { params: { path: { id: job_id } } })).id, job_id)

  const mine = { params: { path: { id: draft.id } } }
  const deadline = Date.now() + Number(setting('NANO_PATIENCE_SECONDS')) * 1000
  let nano = data(await creator.GET('/api/v1/nanos/{id}', mine))
  while (nano.status !== 'published') {
    assert.ok(Date.now() < deadline, `it is still ${nano.status}`)
    await pause(100)
    nano = data(await creator.GET('/api/v1/nanos/{id}', mine))
  }

  const page = await guest.GET('/api/v1/nanos', { params: { query: { language: 'en', sort: 'newest' } } })
  assert.ok(data(page).some(({ id, title }) => id === draft.id && title === 'Reading a box plot'))
  assert.equal(page.data?.meta?.total, 1)
})

test('an error has its documented shape', async () => {
  const id = '00000000-0000-7000-8000-000000000000'
  const {
    data: nothing,
    error,
    response,
  } = await guest.GET('/api/v1/nanos/{id}', { params: { path: { id } } })
  assert.equal(nothing, undefined)
  assert.equal(response.status, 404)
  assert.equal(error?.error.code, 'NOT_FOUND')
  const refused = await guest.GET('/api/v1/auth/me')
  assert.equal(refused.error?.error.code, 'UNAUTHORIZED')
})
