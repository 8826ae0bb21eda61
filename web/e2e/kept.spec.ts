import { expect, test } from '@playwright/test'
import { accessible, published, signIn } from './kit'

/** What somebody keeps, shows to others and says of a nano. */

test('a favourite is there until it is taken away', async ({ page }) => {
  const [id = ''] = await published()
  await signIn(page, 'leo', `/nanos/${id}`)
  await page.getByRole('button', { name: 'Zu den Favoriten' }).click()
  const kept = page.getByRole('button', { name: 'In den Favoriten' })
  await expect(kept).toHaveAttribute('aria-pressed', 'true')
  const places = page.getByRole('navigation', { name: 'Hauptnavigation' }).first()
  await places.getByRole('link', { name: 'Merkliste' }).click()
  await expect(page.getByText('1 Favorit', { exact: true })).toBeVisible()
  await accessible(page, 'favourites')
  await page.getByRole('button', { name: /^Entfernen/ }).click()
  await expect(page.getByText('Noch keine Favoriten')).toBeVisible()
})

test('a list is shown to guests by its link, until that is taken back', async ({ page, browser }) => {
  const [id = ''] = await published()
  const name = `Liste ${Date.now()}`
  await signIn(page, 'leo', `/nanos/${id}`)
  const title = await page.getByRole('heading', { level: 1 }).innerText()
  await page.getByRole('button', { name: 'Auf eine Liste' }).click()
  const dialog = page.getByRole('dialog', { name: 'Auf eine Liste setzen' })
  await dialog.getByRole('button', { name: 'Neue Liste' }).click()
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByRole('button', { name: 'Liste anlegen' }).click()
  await expect(dialog.getByText(`Steht jetzt auf „${name}“.`)).toBeVisible()

  await page.goto('/lists')
  await page.getByRole('link', { name }).click()
  await page.getByRole('button', { name: 'Link erstellen' }).click()
  const link = new URL(await page.getByText(/\/shared-lists\//).innerText())
  await accessible(page, 'list')

  const guest = await browser.newPage()
  await guest.goto(link.pathname)
  await expect(guest.getByRole('heading', { level: 1, name })).toBeVisible()
  await expect(guest.getByRole('article').filter({ hasText: title })).toBeVisible()
  await accessible(guest, 'shared list')

  const confirm = async (action: string) => {
    await page.getByRole('button', { name: action }).click()
    await page
      .getByRole('dialog', { name: `${action}?` })
      .getByRole('button', { name: action })
      .click()
  }
  await confirm('Link zurücknehmen')
  await expect(page.getByText('Nur Sie sehen diese Liste.')).toBeVisible()
  await guest.reload()
  await expect(guest.getByText('Diese Liste wird nicht (mehr) gezeigt')).toBeVisible()
  await guest.close()
  await confirm('Liste löschen')
  await expect(page).toHaveURL(/\/lists$/)
  await expect(page.getByRole('link', { name })).toHaveCount(0)
})

test('a rating is given by keyboard, outlives a visit elsewhere unsent, and is deleted', async ({ page }) => {
  const [id = ''] = await published()
  // Leo has rated some in the demo content.
  await signIn(page, 'otto', `/nanos/${id}`)
  const rate = page.getByRole('button', { name: 'Bewerten', exact: true })
  await rate.click()
  await page.getByRole('radio', { name: '4 von 5 Sternen' }).press('Space')
  await page.getByLabel('Kommentar').fill('Kurz und gut erklärt.')
  await page.getByRole('link', { name: 'Nano', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Als Entwurf behalten' }).click()
  await expect(page.getByRole('article').first()).toBeVisible()
  await page.goBack()
  await rate.click()
  await expect(page.getByRole('radio', { name: '4 von 5 Sternen' })).toBeChecked()
  await expect(page.getByLabel('Kommentar')).toHaveValue('Kurz und gut erklärt.')
  await page.getByRole('button', { name: 'Bewertung abgeben' }).click()
  await expect(page.getByText('Danke! Ihre Bewertung zählt.')).toBeVisible()
  await accessible(page, 'ratings')
  await page.getByRole('button', { name: 'Löschen' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Löschen' }).click()
  await expect(page.getByText('Ihre Bewertung ist gelöscht.')).toBeVisible()
})
