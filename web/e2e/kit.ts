import { expect, request, test, type APIResponse, type Page } from '@playwright/test'
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PASSWORD = process.env.DEMO_PASSWORD ?? 'nano-demo-4711'
/** Where the mails of the installation can be read; see deploy/dev. */
const MAILS = process.env.MAILS_URL ?? 'http://127.0.0.1:8025'

export type Person = 'leo' | 'clara' | 'mona' | 'otto' | 'anna'
const address = (person: Person) => `${person}@nano.example`

export async function signIn(page: Page, person: Person, at = '/') {
  await page.goto(`/login?next=${encodeURIComponent(at)}`)
  await page.getByLabel('E-Mail-Adresse').fill(address(person))
  await page.getByLabel('Passwort', { exact: true }).fill(PASSWORD)
  await page.getByRole('main').getByRole('button', { name: 'Anmelden', exact: true }).click()
  await expect(page.getByRole('button', { name: /^Menü: / })).toBeVisible()
  await expect(page).toHaveURL((url) => url.pathname !== '/login')
}

/** Types the password into the dialog that is over the page. */
export async function signInAgain(page: Page) {
  const dialog = page.getByRole('dialog', { name: 'Ihre Sitzung ist abgelaufen' })
  await dialog.getByLabel('Passwort', { exact: true }).fill(PASSWORD)
  await dialog.getByRole('button', { name: 'Anmelden' }).click()
  await expect(dialog).toBeHidden()
}

/** Ends all sessions of a person but one that is made for it, as from another machine. */
export const endSessions = (person: Person) => endSessionsOf({ email: address(person), password: PASSWORD })

/** The same for an account that a walk has made; `code`: of its second factor. */
export async function endSessionsOf(account: { email: string; password: string; code?: string }) {
  const { baseURL } = test.info().project.use
  const api = await request.newContext({ baseURL })
  const login = await api.post('/api/v1/auth/login', { data: account })
  const { data } = (await login.json()) as { data: { access_token: string } }
  const ended = await api.delete('/api/v1/auth/sessions', {
    headers: { Authorization: `Bearer ${data.access_token}` },
  })
  expect(ended.ok()).toBe(true)
  await api.dispose()
}

/** The ids of what is published and has a picture. */
export async function published(): Promise<string[]> {
  const { baseURL } = test.info().project.use
  const api = await request.newContext({ baseURL })
  const answer = (await (await api.get('/api/v1/nanos')).json()) as {
    data: { id: string; thumbnail: unknown }[]
  }
  await api.dispose()
  return answer.data.filter(({ thumbnail }) => thumbnail !== null).map(({ id }) => id)
}

/** The link in the newest mail to somebody, once it has come. */
export async function mailedLink(to: string, path: string): Promise<string> {
  const link = new RegExp(`https?://\\S+(/${path}\\?token=[\\w-]+)`)
  let found = ''
  await expect(async () => {
    const mails = (await (await fetch(`${MAILS}/api/messages`)).json()) as { to: string[]; text?: string }[]
    found =
      mails
        .filter((mail) => mail.to.includes(to))
        .flatMap(({ text }) => link.exec(text ?? '')?.[1] ?? [])
        .at(-1) ?? ''
    expect(found).not.toBe('')
  }).toPass({ timeout: 60_000 })
  return found
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Everybody can use it, and nothing sticks out at the side. */
export async function accessible(page: Page, name: string) {
  // Over the protocol: the page's policy does not let scripts be added.
  await page.evaluate(`${axe};0`)
  const found =
    await page.evaluate(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`)
  expect(found, name).toEqual([])
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(over, `${name} sticks out`).toBe(0)
}

/** Takes away what a walk has made. */
export async function tidy(page: Page, title: string, action: 'Löschen' | 'Archivieren') {
  await page.getByRole('button', { name: action }).click()
  await page
    .getByRole('dialog', { name: `„${title}“: ${action}?` })
    .getByRole('button', { name: action })
    .click()
  await expect(page.getByRole('dialog')).toBeHidden()
}

/** Where `make run` keeps what it makes. */
const STATE = process.env.DEV_DIR ?? '../.dev'

/** A client of the API that is signed in. */
async function as(person: Person) {
  const { baseURL } = test.info().project.use
  const api = await request.newContext({ baseURL })
  const login = await api.post('/api/v1/auth/login', { data: { email: address(person), password: PASSWORD } })
  const { data } = (await login.json()) as { data: { access_token: string } }
  await api.dispose()
  return request.newContext({
    baseURL,
    extraHTTPHeaders: { Authorization: `Bearer ${data.access_token}` },
  })
}

/**
 * An upload whose file is gone from the storage when its check begins, so that it fails: its job, a way to bring the file back,
 * and one to clear up.
 */
export async function broken(title: string) {
  const store = join(STATE, 'run/s3')
  if (!existsSync(store)) throw new Error(`${store} is not there: set DEV_DIR to the folder of \`make run\``)
  const [clara, otto] = [await as('clara'), await as('otto')]
  const queue = '/api/v1/admin/jobs/queues/uploads'
  const told = async <T>(answer: Promise<APIResponse>) => {
    const got = await answer
    expect(got.ok(), await got.text()).toBe(true)
    return ((await got.json()) as { data: T }).data
  }
  const [category] = await told<{ slug: string }[]>(clara.get('/api/v1/categories'))
  const nano = await told<{ id: string }>(
    clara.post('/api/v1/nanos', {
      data: {
        title,
        description: 'Eine Datei, die unterwegs verloren geht und wiedergefunden wird.',
        duration_minutes: 5,
        level: 1,
        language: 'de',
        format: 'mixed',
        license: 'CC-BY',
        categories: [category?.slug],
      },
    }),
  )
  await told(otto.post(`${queue}/pause`, { data: { reason: 'a walk', expires_in_seconds: 120 } }))
  const upload = await told<{ id: string }>(
    clara.put(`/api/v1/nanos/${nano.id}/file?filename=nano.zip`, {
      headers: { 'Content-Type': 'application/octet-stream' },
      data: readFileSync('../docs/sample-nano.zip'),
    }),
  )
  const { job_id: job } = await told<{ job_id: string }>(
    clara.post(`/api/v1/uploads/${upload.id}/finish`, { data: {} }),
  )
  const file = readdirSync(store, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.includes(upload.id) && statSync(join(store, name)).isFile())
    .map((name) => join(store, name))[0]
  if (!file) throw new Error(`the file of ${upload.id} is not under ${store}`)
  const aside = join(tmpdir(), `nano-walk-${upload.id}`)
  copyFileSync(file, aside)
  rmSync(file)
  await told(otto.post(`${queue}/resume`, { data: { reason: 'a walk' } }))
  await expect
    .poll(async () => (await told<{ state: string }>(otto.get(`/api/v1/jobs/${job}`))).state, {
      timeout: 60_000,
    })
    .toBe('retryable')
  return {
    job,
    mend: () => copyFileSync(aside, file),
    tidy: async () => {
      rmSync(aside, { force: true })
      await clara.post(`/api/v1/nanos/${nano.id}/withdraw`)
      await clara.delete(`/api/v1/nanos/${nano.id}`)
      await clara.dispose()
      await otto.dispose()
    },
  }
}
