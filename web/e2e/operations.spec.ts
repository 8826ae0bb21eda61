import { expect, test, type Page } from '@playwright/test'
import { accessible, broken, signIn } from './kit'

/** What operators do: find out why something failed, mend it, and have it done. */

const dialog = (page: Page) => page.getByRole('dialog')

/** Fills in the reason, and sends. */
async function confirm(page: Page, action: string | RegExp, reason: string) {
  await dialog(page).getByLabel('Begründung').fill(reason)
  await dialog(page).getByRole('button', { name: action }).click()
}

const rowOf = (page: Page, name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) })

test('a queue is paused and resumed, each for a reason', async ({ page }) => {
  await signIn(page, 'otto', '/operations')
  await page
    .getByRole('navigation', { name: 'Bereiche des Betriebs' })
    .getByRole('link', { name: /^Queues/ })
    .click()
  const search = rowOf(page, 'search')
  await search.getByRole('button', { name: 'Pausieren' }).click()
  // Without a reason nothing happens.
  await dialog(page).getByRole('button', { name: 'Pausieren' }).click()
  await expect(dialog(page).getByText(/^Begründung: /)).toBeVisible()
  await confirm(page, 'Pausieren', 'Der Index wird verschoben.')
  await expect(page.getByText('Die Queue search ist pausiert.')).toBeVisible()
  await expect(search.getByText(/^pausiert, /)).toBeVisible()
  await expect(search.getByText('Der Index wird verschoben.')).toBeVisible()
  await accessible(page, 'queues, one paused')
  await page
    .getByRole('navigation', { name: 'Bereiche des Betriebs' })
    .getByRole('link', { name: 'Übersicht' })
    .click()
  await expect(page.getByText(/search ist pausiert/)).toBeVisible()
  await page.goBack()
  await search.getByRole('button', { name: 'Fortsetzen' }).click()
  await confirm(page, 'Fortsetzen', 'Er ist verschoben.')
  await expect(page.getByText('Die Queue search geht weiter.')).toBeVisible()
  await expect(search.getByRole('button', { name: 'Pausieren' })).toBeVisible()
})

test('from a failure to its cause, and all of its jobs retried at once', async ({ page }) => {
  test.setTimeout(240_000)
  const fault = await broken('Warum scheitert das?')
  await signIn(page, 'otto', '/operations/jobs')
  await page.getByRole('button', { name: 'Fehlgeschlagen' }).click()
  await expect(page).toHaveURL(/state=retryable,discarded,quarantined/)
  await page.getByRole('button', { name: 'Filter', exact: true }).click()
  await page.getByLabel('Art', { exact: true }).fill('validate_archive')
  await page.getByRole('button', { name: 'Anwenden' }).click()
  await expect(page).toHaveURL(/kind=validate_archive/)
  const job = page.getByRole('row').filter({ hasText: fault.job.slice(-6) })
  await expect(job.getByText('neuer Versuch')).toBeVisible()
  await accessible(page, 'failed jobs')

  await job.getByRole('link').click()
  await expect(page.getByRole('heading', { level: 1, name: /Archiv prüfen/ })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Warum', exact: true })).toBeVisible()
  await expect(page.getByText('fehlgeschlagen', { exact: true }).first()).toBeVisible()
  await expect(page.getByText('für „Warum scheitert das?“ von Clara Creator')).toBeVisible()
  await accessible(page, 'a failed job')
  await page.getByRole('link', { name: 'Ursache öffnen' }).click()

  await expect(page).toHaveURL(/errors\?fingerprint=/)
  await accessible(page, 'one cause')
  fault.mend()
  await page.getByRole('button', { name: /^Wiederholen \(/ }).click()
  // Others may have failed for the same cause before.
  await expect(dialog(page).getByText(/^[\d.]+ Jobs? pass/)).toBeVisible()
  await confirm(page, /^Wiederholen: \d/, 'Die Datei ist wieder da.')
  await expect(dialog(page).getByText(/^Fertig: \d/)).toBeVisible()
  await dialog(page).getByRole('link', { name: 'Alle Massenaktionen' }).click()
  await expect(page.getByText('Die Datei ist wieder da.').first()).toBeVisible()
  await accessible(page, 'bulk actions')

  await page.goto(`/operations/jobs/${fault.job}`)
  await expect(page.getByText('fertig', { exact: true }).first()).toBeVisible()
  await expect(page.getByText('Die Datei ist wieder da.')).toBeVisible()
  await fault.tidy()
})

test('many jobs are chosen, and only those that fit are acted upon', async ({ page }) => {
  await signIn(page, 'otto', '/operations/jobs?state=completed&kind=index_nano')
  const boxes = page.getByRole('checkbox', { name: /^Auswählen:/ })
  await expect(boxes.first()).toBeVisible()
  // By keys: down to the first and the second row, up again, and choose.
  for (const key of ['j', 'j', 'k', 'x']) await page.keyboard.press(key)
  await expect(boxes.first()).toBeChecked()
  await expect(page.getByText('1 ausgewählt')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Wiederholen' })).toHaveAttribute('aria-disabled', 'true')
  await page.getByRole('button', { name: 'Wiederholen' }).focus()
  await expect(page.getByRole('tooltip', { name: /Wiederholen lassen sich nur/ })).toBeVisible()
  await page.getByRole('button', { name: 'Noch einmal ausführen' }).click()
  await confirm(page, 'Noch einmal ausführen', 'Der Index war verloren.')
  await expect(page.getByText('Der Job läuft noch einmal.')).toBeVisible()
})

test('a schedule runs now, and says what became of it', async ({ page }) => {
  await signIn(page, 'otto', '/operations/schedules')
  const card = page.getByRole('article').filter({ hasText: 'expire_uploads' })
  await expect(card.getByText('Alle 10 Minuten')).toBeVisible()
  await card.getByRole('button', { name: 'Jetzt ausführen' }).click()
  await confirm(page, 'Jetzt ausführen', 'Der Speicher wird knapp.')
  await expect(page.getByText('expire_uploads läuft.')).toBeVisible()
  await expect(card.getByText(/von Hand, fertig/).first()).toBeAttached({ timeout: 60_000 })
})

test('a filter is its address, and what means nothing in it is dropped', async ({ page }) => {
  await signIn(page, 'otto', '/operations/jobs?state=completed,exploded&queue=uploads&fingerprint=nope')
  await expect(page.getByRole('button', { name: /^Filter entfernen/ })).toHaveCount(2)
  await page.getByRole('button', { name: 'Filter entfernen: Zustand' }).click()
  await expect(page).toHaveURL(/\/operations\/jobs\?queue=uploads$/)
  await page.goBack()
  await expect(page.getByRole('button', { name: /^Filter entfernen/ })).toHaveCount(2)
})

test('new jobs are counted and not pushed between those that are read', async ({ page, browser }) => {
  await signIn(page, 'otto', '/operations/jobs?kind=send_email')
  const rows = page.getByRole('row')
  await expect(rows.nth(1)).toBeVisible()
  const first = await rows.nth(1).innerText()
  const other = await browser.newPage()
  await other.goto('/forgot-password')
  await other.getByLabel('E-Mail-Adresse').fill('leo@nano.example')
  await other.getByRole('main').getByRole('button').first().click()
  const news = page.getByRole('button', { name: /neue[r]? Job/ })
  await expect(news).toBeVisible()
  expect((await rows.nth(1).innerText()).split('\n')[0]).toBe(first.split('\n')[0])
  await news.click()
  await expect(news).toBeHidden()
  await other.close()
})

test('who may only read sees everything, and why nothing can be done', async ({ page }) => {
  await signIn(page, 'mona', '/operations/queues')
  await expect(page.getByText('Sie sehen hier alles und ändern nichts')).toBeVisible()
  const pause = rowOf(page, 'uploads').getByRole('button', { name: 'Pausieren' })
  await expect(pause).toHaveAttribute('aria-disabled', 'true')
  await pause.press('Enter')
  await expect(dialog(page)).toHaveCount(0)
  await expect(page.getByRole('tooltip', { name: /fehlt Ihnen das Recht/ }).first()).toBeVisible()
  await expect(page.getByRole('link', { name: 'Konten' })).toHaveCount(0)
})

test('who may only read is told whether there is maintenance, and begins none', async ({ page }) => {
  await signIn(page, 'mona', '/operations/maintenance')
  await expect(page.getByRole('heading', { name: 'Keine Wartung' })).toBeVisible()
  const begin = page.getByRole('button', { name: 'Wartung beginnen' })
  await expect(begin).toHaveAttribute('aria-disabled', 'true')
  await begin.press('Enter')
  await expect(dialog(page)).toHaveCount(0)
  await expect(page.getByRole('link', { name: 'Audit-Log' })).toHaveCount(0)
})

test('an administrator finds in the audit log who did what', async ({ page }) => {
  await signIn(page, 'anna', '/operations/audit')
  await page.getByLabel('Aktion', { exact: true }).fill('auth login')
  await page.getByRole('button', { name: 'Anwenden' }).click()
  await expect(page.getByText('Aktion: hat nicht die richtige Form.')).toBeVisible()
  await page.getByLabel('Aktion', { exact: true }).fill('auth.login')
  await page.getByRole('button', { name: 'Anwenden' }).click()
  await expect(page).toHaveURL(/\/operations\/audit\?action=auth\.login$/)
  const newest = page.getByRole('row').nth(1)
  await expect(newest).toContainText('auth.login')
  await newest.getByText('Einzelheiten').click()
  await expect(newest.getByText('Hash', { exact: true })).toBeVisible()
  await newest.getByRole('link').first().click()
  await expect(page).toHaveURL(/\/operations\/users\/[0-9a-f-]{36}$/)
})

test('the command palette leads to a page by its first letters, and to a job by its id', async ({ page }) => {
  await signIn(page, 'otto', '/operations/jobs')
  const job = page.getByRole('row').nth(1).getByRole('link').first()
  const address = (await job.getAttribute('href')) ?? ''
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog', { name: 'Befehle' })
  await expect(palette).toBeVisible()
  await accessible(page, 'the command palette')
  await page.keyboard.type('zeitpl')
  await expect(palette.getByRole('option').first()).toHaveText('Betrieb: Zeitpläne')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/operations\/schedules$/)
  await expect(palette).toBeHidden()
  await page.keyboard.press('Control+k')
  await palette.getByRole('combobox').fill(address.split('/').at(-1) ?? '')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`${address}$`))
})

test('a consumer is neither offered operations nor let in', async ({ page }) => {
  await signIn(page, 'leo')
  await expect(page.getByRole('link', { name: 'Betrieb' })).toHaveCount(0)
  for (const path of ['/operations', '/operations/jobs', '/operations/queues', '/operations/users']) {
    await page.goto(path)
    await expect(page.getByRole('heading', { name: 'Dafür fehlt Ihnen ein Recht' })).toBeVisible()
  }
})
