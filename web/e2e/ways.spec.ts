import { expect, test } from '@playwright/test'
import { mailedLink, published, signIn } from './kit'

/** Ways through the site: to a download, and to what somebody may see. */

test('from a nano to its download, through registration, mail and confirmation', async ({ page }) => {
  const [id = ''] = await published()
  await page.goto(`/nanos/${id}`)
  await page.getByRole('link', { name: 'Zum Herunterladen anmelden' }).click()
  await page.getByRole('main').getByRole('link', { name: 'Konto anlegen' }).click()
  const name = `walk${Date.now()}`
  const email = `${name}@nano.example`
  await page.getByLabel('E-Mail-Adresse').fill(email)
  await page.getByLabel('Benutzername').fill(name)
  await page.getByLabel('Passwort', { exact: true }).fill('ein ganzer Satz mit Palstek')
  await page.getByRole('button', { name: 'Konto anlegen' }).click()
  await expect(page.getByText(email)).toBeVisible()
  await page.reload()
  await expect(page.getByText(email)).toBeVisible()

  // Signed in before the address is confirmed: no dead end.
  await page.goto(`/login?next=${encodeURIComponent(`/nanos/${id}?download`)}`)
  await page.getByLabel('E-Mail-Adresse').fill(email)
  await page.getByLabel('Passwort', { exact: true }).fill('ein ganzer Satz mit Palstek')
  await page.getByRole('main').getByRole('button', { name: 'Anmelden', exact: true }).click()
  await expect(page.getByText('Zum Herunterladen fehlt noch die Bestätigung')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Mail noch einmal senden' })).toBeVisible()

  const link = await mailedLink(email, 'verify-email')
  await page.goto(link)
  await page.getByRole('main').getByRole('link', { name: 'Anmelden' }).click()
  await page.getByLabel('E-Mail-Adresse').fill(email)
  await page.getByLabel('Passwort', { exact: true }).fill('ein ganzer Satz mit Palstek')
  const download = page.waitForEvent('download')
  await page.getByRole('main').getByRole('button', { name: 'Anmelden', exact: true }).click()
  expect((await download).suggestedFilename()).toMatch(/\.zip$/)
  await expect(page).toHaveURL(new RegExp(`/nanos/${id}$`))

  await page.goto(link)
  await expect(page.getByText('ist schon bestätigt')).toBeVisible()
})

test('an operator is offered nothing that they cannot have', async ({ page }) => {
  await signIn(page, 'otto')
  const places = page.getByRole('navigation', { name: 'Hauptnavigation' }).first()
  await expect(places.getByRole('link')).toHaveText(['Entdecken', 'Merkliste', 'Betrieb'])
  await page.getByRole('button', { name: /^Menü: / }).click()
  await expect(page.getByRole('link', { name: 'Creator werden' })).toBeHidden()
  for (const path of ['/studio', '/creator', '/moderation', '/operations/users']) {
    await page.goto(path)
    await expect(page.getByRole('heading', { name: 'Dafür fehlt Ihnen ein Recht' })).toBeVisible()
    await expect(page.getByText('Sie sind als Betrieb angemeldet.')).toBeVisible()
  }
})

test('addresses that mean nothing are dropped, clamped or answered', async ({ page }) => {
  await page.goto('/?page=99&level=9&language=fr')
  await expect(page).toHaveURL((url) => url.pathname === '/' && url.search === '')
  await expect(page.getByRole('article').first()).toBeVisible()
  await page.goto(`/?q=${encodeURIComponent('🐍')}`)
  await expect(page.getByText('Dazu gibt es noch nichts')).toBeVisible()
  await expect(page.getByRole('article')).toHaveCount(0)
  await page.goto('/gibt/es/nicht')
  await expect(page.getByRole('heading', { name: 'Diese Seite gibt es nicht' })).toBeVisible()
})

test('going back finds the list where it was left', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 640 })
  await page.goto('/')
  const last = page.getByRole('article').last()
  await last.scrollIntoViewIfNeeded()
  const top = await page.evaluate(() => scrollY)
  expect(top).toBeGreaterThan(500)
  await last.getByRole('link').click()
  await expect(page.getByRole('heading', { name: 'Inhalt' })).toBeVisible()
  expect(await page.evaluate(() => scrollY)).toBeLessThan(100)
  await page.goBack()
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(top - 50)
})

test('colours and language are chosen once, and kept', async ({ page }) => {
  await page.goto('/')
  await page.getByRole('button', { name: 'Menü' }).click()
  await page.getByText('Dunkel', { exact: true }).click()
  await page.getByText('English', { exact: true }).click()
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await expect(page.locator('html')).toHaveAttribute('lang', 'en')
  await expect(page.locator('body')).toHaveCSS('background-color', 'rgb(14, 19, 18)')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('What will you learn in your next break?')
})

test('a slash leads to the search, from anywhere but a field', async ({ page }) => {
  await page.goto('/login')
  await page.getByRole('heading', { level: 1 }).click()
  await page.keyboard.press('/')
  await page.keyboard.type('pivot')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/\?q=pivot$/)
  await expect(page.getByRole('article').first()).toContainText(/Pivot/)
})
