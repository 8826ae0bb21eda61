import { expect, test } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { signIn, tidy } from './kit'

/** A ZIP with one lesson. */
function lesson(folder: string): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'knoten.zip')
  const page = `<!doctype html><html lang="de"><title>Knoten</title><h1>Palstek ${Date.now()}</h1><p>Ein Auge, das hält.</p></html>`
  const program = 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").writestr("index.html", sys.argv[2])'
  execFileSync('python3', ['-c', program, path, page])
  return path
}

test('a file is checked here, sent, checked there and published, under the site’s own policy', async ({
  page,
}, info) => {
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    if (/Content.Security.Policy|TrustedScript/i.test(message.text())) faults.push(message.text())
  })
  await page.addInitScript(() => {
    const real = Worker
    // How often a worker was really started.
    window.Worker = class extends real {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options)
        const told = document.documentElement.dataset
        told.workers = String(Number(told.workers ?? 0) + 1)
      }
    }
  })
  await signIn(page, 'clara', '/studio/new')
  const title = `Palstek ${Date.now()}`
  await page.getByLabel('Titel').fill(title)
  await page.getByLabel('Beschreibung').fill('Ein Auge, das hält und sich wieder löst.')
  await page.getByLabel('Dauer in Minuten').fill('5')
  await page.getByRole('checkbox').first().check()
  await page.getByRole('button', { name: 'Entwurf anlegen' }).click()
  await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible()
  await page.locator('input[type=file]').setInputFiles(lesson(info.outputDir))
  await expect(page.getByText('Ihr Nano ist veröffentlicht.')).toBeVisible({ timeout: 90_000 })
  await expect(page.locator('html')).toHaveAttribute('data-workers', '1')
  await page.getByRole('link', { name: 'Öffentliche Seite' }).click()
  await expect(page.getByRole('button', { name: /^Herunterladen/ })).toBeVisible()
  expect(faults).toEqual([])
  await page.getByRole('link', { name: 'Im Studio öffnen' }).click()
  await tidy(page, title, 'Archivieren')
  await expect(page.getByText('Archiviert')).toBeVisible()
})
