import { expect, test, type Browser, type Page } from '@playwright/test'
import { accessible, published, signIn, type Person } from './kit'

/** Two people write about a nano; the walk holds with sockets and without. */

/** Somebody with a browser of their own. */
async function visit(browser: Browser, person: Person, at: string): Promise<Page> {
  const { baseURL, locale } = test.info().project.use
  const page = await (await browser.newContext({ baseURL, locale, reducedMotion: 'reduce' })).newPage()
  await signIn(page, person, at)
  return page
}

const toMessages = (page: Page, name: RegExp) => page.getByRole('banner').getByRole('link', { name })
const history = (page: Page) => page.getByRole('region', { name: 'Verlauf' })

/** From the page of a nano to the chat with whoever has made it. */
async function write(page: Page) {
  await page.getByRole('button', { name: 'Nachricht schreiben' }).click()
  await expect(page).toHaveURL(/\/chats\/[^/]+$/)
  await expect(page.getByRole('heading', { level: 1, name: /^Nachrichten mit / })).toBeVisible()
}

test('a question, its answer, a reload, what is unread, and a report', async ({ browser }) => {
  test.setTimeout(240_000)
  const [id = ''] = await published()
  const [question, answer] = [`Geht das mit Excel? ${Date.now()}`, `Ab 2016. ${Date.now()}`]

  const leo = await visit(browser, 'leo', `/nanos/${id}`)
  await write(leo)
  const field = leo.getByLabel('Ihre Nachricht')
  await field.fill(question)
  await field.press('Shift+Enter')
  await field.pressSequentially('Danke!')
  await expect(field).toHaveValue(`${question}\nDanke!`)
  await field.press('Enter')
  await expect(field).toHaveValue('')
  await expect(history(leo).getByText(`${question} Danke!`)).toBeVisible()
  await expect(leo.getByText('Wird gesendet …')).toBeHidden()
  await accessible(leo, 'a chat')

  // The creator finds it among what is unread; once it is open, it is read.
  const clara = await visit(browser, 'clara', '/')
  await toMessages(clara, /^Nachrichten, \d+ ungelesen$/).click()
  const row = clara.getByRole('listitem').filter({ hasText: question })
  await expect(row.getByText(/neue Nachricht/)).toBeVisible()
  await accessible(clara, 'chats')
  await row.getByRole('link').click()
  await expect(history(clara).getByText(question)).toBeVisible()
  await expect(leo.getByText(/^Gelesen am /)).toBeVisible()
  await clara.getByRole('link', { name: 'Alle Nachrichten' }).click()
  await expect(clara.getByRole('listitem').filter({ hasText: question })).toBeVisible()
  await expect(row.getByText(/neue Nachricht/)).toBeHidden()
  await row.getByRole('link').click()
  await clara.getByLabel('Ihre Nachricht').fill(answer)
  await clara.getByRole('button', { name: 'Senden' }).click()
  await expect(history(clara).getByText(answer)).toBeVisible()

  // It comes by itself, is read out, and a reload keeps it and what was half typed.
  await expect(history(leo).getByText(answer)).toBeVisible()
  await expect(leo.getByText(/^Neue Nachricht von .*Ab 2016\./)).toBeAttached()
  await field.fill('Noch eine Fra')
  await leo.reload()
  await expect(history(leo).getByText(question)).toBeVisible()
  await expect(history(leo).getByText(answer)).toBeVisible()
  await expect(field).toHaveValue('Noch eine Fra')
  await field.fill('')

  await leo.setViewportSize({ width: 360, height: 740 })
  await expect(field).toBeVisible()
  await accessible(leo, 'a chat, narrow')

  // What should not stand there is reported, and a moderator takes it away.
  await leo
    .getByRole('listitem')
    .filter({ hasText: answer })
    .getByRole('button', { name: /^Melden/ })
    .click()
  const dialog = leo.getByRole('dialog', { name: 'Nachricht melden' })
  await expect(dialog.getByText(answer)).toBeVisible()
  await dialog.getByLabel('Grund').selectOption('Werbung oder Spam')
  await dialog.getByLabel(/^Was die Moderation/).fill('Steht da zum Spaß.')
  await dialog.getByRole('button', { name: 'Melden' }).click()
  await expect(leo.getByText('Gemeldet. Die Moderation schaut sich die Nachricht an.')).toBeVisible()

  const mona = await visit(browser, 'mona', '/moderation')
  await mona.getByRole('link', { name: 'Gemeldete Nachrichten' }).click()
  const card = mona.getByRole('article').filter({ hasText: answer })
  await expect(card.getByText(question)).toBeVisible()
  await accessible(mona, 'reports')
  await card.getByLabel('Begründung').fill('ein Spaziergang')
  await card.getByRole('button', { name: 'Text entfernen' }).click()
  await expect(mona.getByText('Der Text der Nachricht ist entfernt.')).toBeVisible()
  await expect(card).toBeHidden()
  await leo.reload()
  await expect(history(leo).getByText('Diese Nachricht wurde entfernt.').last()).toBeVisible()
  await expect(history(leo).getByText(answer)).toBeHidden()
})

test('a message that was not sent stays, over a reload too, and is sent once', async ({ browser }) => {
  const [id = ''] = await published()
  const leo = await visit(browser, 'leo', `/nanos/${id}`)
  // No socket, and no way to send by a request.
  await leo.routeWebSocket(/\/ws\/chat\//, (socket) => socket.close())
  const messages = '**/api/v1/chats/*/messages'
  await leo.route(messages, (route) =>
    route.request().method() === 'POST' ? route.abort() : route.fallback(),
  )
  await write(leo)
  await expect(leo.getByText(/^Zurzeit keine direkte Verbindung/)).toBeVisible()
  const words = `Kommt das an? ${Date.now()}`
  await leo.getByLabel('Ihre Nachricht').fill(words)
  await leo.getByLabel('Ihre Nachricht').press('Enter')
  const alert = leo.getByRole('alert').filter({ hasText: 'Nicht gesendet.' })
  await expect(alert).toBeVisible()
  await leo.reload()
  await expect(alert).toBeVisible()
  await leo.unroute(messages)
  await leo.getByRole('button', { name: 'Noch einmal senden' }).click()
  await expect(alert).toBeHidden()
  await expect(history(leo).getByText(words)).toHaveCount(1)
  await leo.reload()
  await expect(history(leo).getByText(words)).toHaveCount(1)
})

test('nobody writes to themselves, and guests find no way to', async ({ browser, page }) => {
  const [id = ''] = await published()
  await page.goto(`/nanos/${id}`)
  await page.waitForLoadState('networkidle')
  await expect(page.getByRole('button', { name: 'Nachricht schreiben' })).toBeHidden()
  const clara = await visit(browser, 'clara', `/nanos/${id}`)
  await expect(clara.getByRole('link', { name: 'Im Studio öffnen' })).toBeVisible()
  await clara.waitForLoadState('networkidle')
  await expect(clara.getByRole('button', { name: 'Nachricht schreiben' })).toBeHidden()
  await page.goto('/chats')
  await expect(page).toHaveURL(/\/login\?next=%2Fchats$/)
})
