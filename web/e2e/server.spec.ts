import { expect, test, type BrowserContext, type Request, type Route } from '@playwright/test'
import { published, signIn } from './kit'

/** The server is away, slow, or asked by many tabs at once. */

const away = (route: Route) =>
  route.fulfill({
    status: 503,
    contentType: 'application/json',
    body: JSON.stringify({ success: false, error: { code: 'UNAVAILABLE', message: 'weg', details: {} } }),
  })

test('a reload while the server is away keeps the page, and recovers by itself', async ({ page }) => {
  await signIn(page, 'clara', '/account')
  await page.route('**/api/v1/**', away)
  await page.reload()
  await expect(page.getByText('Der Server antwortet gerade nicht.')).toBeVisible()
  await expect(page).toHaveURL(/\/account$/)
  await expect(page.getByRole('heading', { name: 'Anmelden' })).toBeHidden()
  await page.unroute('**/api/v1/**')
  await page.getByRole('button', { name: 'Jetzt versuchen' }).click()
  await expect(page.getByText('Clara Creator').first()).toBeVisible()
  await expect(page.getByText('Der Server antwortet gerade nicht.')).toBeHidden()
})

test('offline and back: no page and no text is lost', async ({ page, context }) => {
  await signIn(page, 'clara', '/studio/new')
  await page.getByLabel('Titel').fill('Im Tunnel')
  await context.setOffline(true)
  await page.getByRole('button', { name: 'Entwurf anlegen' }).click()
  await expect(page.getByText('Der Server ist gerade nicht erreichbar.')).toBeVisible()
  await expect(page.getByLabel('Titel')).toHaveValue('Im Tunnel')
  await expect(page.getByText('Sie sind offline.')).toBeVisible()
  await context.setOffline(false)
  await expect(page.getByText('Sie sind offline.')).toBeHidden()
  await page.getByRole('button', { name: 'Entwurf anlegen' }).click()
  await expect(page.getByText('Bitte prüfen Sie die markierten Felder.')).toBeVisible()
  await expect(page.getByLabel('Titel')).toHaveValue('Im Tunnel')
})

test('an API that hangs is not waited for for ever', async ({ page }) => {
  await page.route('**/api/v1/nanos?*', () => {})
  await page.goto('/')
  await expect(page.getByRole('alert')).toBeVisible({ timeout: 45_000 })
  await page.unroute('**/api/v1/nanos?*')
  await page.getByRole('alert').getByRole('button', { name: 'Erneut versuchen' }).click()
  await expect(page.getByRole('article').first()).toBeVisible()
})

/** Streams of events that are open in a browser. */
function streams(context: BrowserContext) {
  const open = new Set<Request>()
  context.on('request', (request) => request.url().endsWith('/events') && open.add(request))
  context.on('requestfinished', (request) => open.delete(request))
  context.on('requestfailed', (request) => open.delete(request))
  return open
}

/** A nano of which the API says that it is being checked. */
async function keepMoving(context: BrowserContext, id: string) {
  await context.route(`**/api/v1/nanos/${id}`, async (route) => {
    const answer = await route.fetch()
    const body = (await answer.json()) as { data: { latest_version: { state: string } } }
    body.data.latest_version.state = 'processing'
    await route.fulfill({ response: answer, json: body })
  })
}

test('eight tabs at once all work, and nanos at rest hold no stream', async ({ page, context }) => {
  const ids = await published()
  const open = streams(context)
  await signIn(page, 'clara')
  const tabs = [page]
  while (tabs.length < 8) tabs.push(await context.newPage())
  await Promise.all(tabs.map((tab, place) => tab.goto(`/studio/nanos/${ids[place % ids.length]}`)))
  for (const tab of tabs) await expect(tab.getByRole('heading', { name: 'Verlauf' })).toBeVisible()
  await expect.poll(() => open.size).toBe(0)
  for (const tab of tabs) await expect(tab.getByText('In die Suche aufnehmen', { exact: true })).toBeVisible()
})

test('tabs that show nanos on their way share one stream, and the next takes over', async ({
  page,
  context,
}) => {
  const ids = (await published()).slice(0, 2)
  for (const id of ids) await keepMoving(context, id)
  const open = streams(context)
  await signIn(page, 'clara')
  const tabs = [page, await context.newPage(), await context.newPage()]
  for (const [place, tab] of tabs.entries()) {
    await tab.goto(`/studio/nanos/${ids[place % ids.length]}`)
    await expect(tab.getByText('Live', { exact: true })).toBeVisible()
  }
  await expect
    .poll(() => [...open].map((request) => new URL(request.url()).pathname))
    .toEqual(['/api/v1/me/events'])
  await page.close()
  await expect.poll(() => open.size).toBe(1)
  for (const tab of tabs.slice(1)) await expect(tab.getByText('Live', { exact: true })).toBeVisible()
})

test('looking again and again loads no picture twice', async ({ page, context }) => {
  const [id = ''] = await published()
  let looks = 0
  await context.route(`**/api/v1/nanos/${id}`, async (route) => {
    const answer = await route.fetch()
    const body = (await answer.json()) as {
      data: { latest_version: { state: string }; thumbnail: Record<string, string> }
    }
    body.data.latest_version.state = 'processing'
    looks += 1
    // As signatures do.
    for (const width of [320, 640, 1280]) body.data.thumbnail[width] += `&look=${looks}`
    await route.fulfill({ response: answer, json: body })
  })
  const pictures: string[] = []
  context.on('request', (request) => request.resourceType() === 'image' && pictures.push(request.url()))
  await signIn(page, 'clara', `/studio/nanos/${id}`)
  await expect.poll(() => looks, { timeout: 60_000 }).toBeGreaterThan(3)
  expect(pictures.filter((url) => url.includes('look=')).length).toBeLessThanOrEqual(1)
})
