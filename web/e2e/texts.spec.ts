import { expect, test, type Page } from '@playwright/test'
import { endSessions, signIn, signInAgain, tidy } from './kit'

/** What is typed is never lost: issue of forms that were left, and sessions that ended. */

async function describeNano(page: Page, title: string) {
  await page.getByLabel('Titel').fill(title)
  await page.getByLabel('Beschreibung').fill('Drei Knoten, die halten, und wie man sie wieder löst.')
  await page.getByLabel('Dauer in Minuten').fill('7')
  await page.getByRole('checkbox').first().check()
}

test('the session ends while somebody types: they sign in over the page, and the draft is made', async ({
  page,
}) => {
  await signIn(page, 'clara', '/studio/new')
  const title = `Knoten ${Date.now()}`
  await describeNano(page, title)
  await endSessions('clara')
  await page.getByRole('button', { name: 'Entwurf anlegen' }).click()
  await signInAgain(page)
  await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible()
  await expect(page).toHaveURL(/\/studio\/nanos\//)
  await tidy(page, title, 'Löschen')
  await expect(page).toHaveURL(/\/studio$/)
})

test('whoever does not sign in again finds the text later', async ({ page }) => {
  await signIn(page, 'clara', '/studio/new')
  await page.getByLabel('Titel').fill('Halber Titel')
  await endSessions('clara')
  await page.getByRole('button', { name: 'Entwurf anlegen' }).click()
  await page.getByRole('button', { name: 'Ohne Anmeldung weiter' }).click()
  await expect(page).toHaveURL(/\/login/)
  await signIn(page, 'clara', '/studio/new')
  await expect(page.getByLabel('Titel')).toHaveValue('Halber Titel')
  await page.getByRole('button', { name: 'Entwurf verwerfen' }).click()
  await expect(page.getByLabel('Titel')).toHaveValue('')
})

test('a half-typed form asks before it is left, and comes back as it was', async ({ page }) => {
  await signIn(page, 'clara', '/studio')
  await page.getByRole('link', { name: 'Neues Nano' }).click()
  await describeNano(page, 'Palstek')
  const dialog = page.getByRole('dialog', { name: 'Seite verlassen?' })
  await page.getByRole('link', { name: 'Entdecken' }).first().click()
  await dialog.getByRole('button', { name: 'Weiterschreiben' }).click()
  await expect(page).toHaveURL(/\/studio\/new$/)
  await page.goBack().catch(() => {})
  await expect(dialog).toBeVisible()
  await dialog.getByRole('button', { name: 'Als Entwurf behalten' }).click()
  await expect(page).toHaveURL(/\/studio$/)
  await page.getByRole('link', { name: 'Neues Nano' }).click()
  await expect(page.getByText('Ihr Entwurf vom')).toBeVisible()
  await expect(page.getByLabel('Titel')).toHaveValue('Palstek')
  await expect(page.getByLabel('Dauer in Minuten')).toHaveValue('7')
  await expect(page.getByRole('checkbox').first()).toBeChecked()
  await page.reload()
  await expect(page.getByLabel('Titel')).toHaveValue('Palstek')
  await page.getByRole('button', { name: 'Entwurf verwerfen' }).click()
  await page.getByLabel('Titel').fill('Anders')
  await page.getByRole('link', { name: 'Entdecken' }).first().click()
  await dialog.getByRole('button', { name: 'Verwerfen' }).click()
  await page.goto('/studio/new')
  await expect(page.getByLabel('Titel')).toHaveValue('')
})

test('signing out leaves no draft behind', async ({ page }) => {
  await signIn(page, 'clara', '/studio/new')
  await page.getByLabel('Titel').fill('Geheim')
  await page.getByRole('button', { name: /^Menü: / }).click()
  await page.getByRole('button', { name: 'Abmelden' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Verwerfen' }).click()
  await expect(page.getByRole('link', { name: 'Anmelden' })).toBeVisible()
  const left = await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('draft')))
  expect(left).toEqual([])
})

test('switching the language leaves no text in the other one behind', async ({ page }) => {
  await signIn(page, 'clara', '/studio/new')
  await page.getByRole('button', { name: 'Entwurf anlegen' }).click()
  await expect(page.getByText(/^Titel: /)).toBeVisible()
  await page.getByRole('button', { name: /^Menü: / }).click()
  await page.getByText('English', { exact: true }).click()
  await expect(page.getByText('Title: is not right')).toBeVisible()
  await expect(page.getByRole('main')).not.toContainText(/Titel|Zeichen|fehlt|Bitte|Dauer/)
})

test('topics that cannot be read leave a form that can be sent, and a way to try again', async ({ page }) => {
  await page.route('**/api/v1/categories', (route) => route.fulfill({ status: 500, body: '{}' }))
  await signIn(page, 'clara', '/studio/new')
  await expect(page.getByRole('alert')).toBeVisible()
  await page.getByLabel('Titel').fill('Ohne Themen')
  await page.unroute('**/api/v1/categories')
  await page.getByRole('alert').getByRole('button', { name: 'Erneut versuchen' }).click()
  await expect(page.getByRole('checkbox').first()).toBeVisible()
  await expect(page.getByLabel('Titel')).toHaveValue('Ohne Themen')
})
