import { expect, test, type Page } from '@playwright/test'
import { endSessionsOf, mailedLink } from './kit'

/** Passkeys, from an authenticator that the browser plays: to sign in by, and beside a password. */

const PASSWORD = 'ein ganzer Satz mit Palstek'

async function typePassword(page: Page, email: string) {
  await page.getByLabel('E-Mail-Adresse').fill(email)
  await page.getByLabel('Passwort', { exact: true }).fill(PASSWORD)
  await page.getByRole('main').getByRole('button', { name: 'Anmelden', exact: true }).click()
}

async function signOut(page: Page) {
  await page.getByRole('button', { name: /^Menü: / }).click()
  await page.getByRole('button', { name: 'Abmelden' }).click()
  await expect(page.getByRole('banner').getByRole('link', { name: 'Anmelden' })).toBeVisible()
}

test('a passkey is added, and signs in alone and as the second factor', async ({ page, context }) => {
  const browser = await context.newCDPSession(page)
  await browser.send('WebAuthn.enable')
  await browser.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  const name = `pass${Date.now()}`
  const email = `${name}@nano.example`
  await page.goto('/register')
  await page.getByLabel('E-Mail-Adresse').fill(email)
  await page.getByLabel('Benutzername').fill(name)
  await page.getByLabel('Passwort', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Konto anlegen' }).click()
  await page.goto(await mailedLink(email, 'verify-email'))
  await page.getByRole('main').getByRole('link', { name: 'Anmelden' }).click()
  await typePassword(page, email)
  await expect(page.getByRole('button', { name: /^Menü: / })).toBeVisible()

  await page.goto('/account/security')
  await page.getByRole('button', { name: 'Passkey hinzufügen' }).click()
  await page.getByLabel('Ihr Passwort').fill(PASSWORD)
  await page.getByRole('button', { name: 'Weiter' }).click()
  await page.getByLabel('Name').fill('Schlüssel des Spaziergangs')
  await page.getByRole('button', { name: 'Passkey anlegen' }).click()
  await expect(page.getByText('„Schlüssel des Spaziergangs“ ist hinzugefügt.')).toBeVisible()
  const code = await page
    .getByRole('main')
    .getByRole('list')
    .getByRole('listitem')
    .filter({ hasText: /^\S+-\S+$/ })
    .first()
    .innerText()

  await signOut(page)
  await page.goto('/login')
  await page.getByRole('button', { name: 'Mit einem Passkey anmelden' }).click()
  await expect(page.getByRole('button', { name: `Menü: ${name}` })).toBeVisible()

  await signOut(page)
  await page.goto('/login')
  await typePassword(page, email)
  await page.getByRole('button', { name: 'Stattdessen einen Passkey benutzen' }).click()
  await expect(page.getByRole('button', { name: `Menü: ${name}` })).toBeVisible()

  // Over the page, too, when the session has ended.
  await page.goto('/account/tokens')
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await endSessionsOf({ email, password: PASSWORD, code })
  await page.getByRole('link', { name: 'Sicherheit' }).click()
  const dialog = page.getByRole('dialog', { name: 'Ihre Sitzung ist abgelaufen' })
  await dialog.getByLabel('Passwort', { exact: true }).fill(PASSWORD)
  await dialog.getByRole('button', { name: 'Anmelden' }).click()
  await dialog.getByRole('button', { name: 'Stattdessen einen Passkey benutzen' }).click()
  await expect(dialog).toBeHidden()
  await expect(page.getByText('Schlüssel des Spaziergangs').first()).toBeVisible()
})
