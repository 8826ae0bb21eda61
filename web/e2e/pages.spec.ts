import { expect, test, type Page } from '@playwright/test'
import { accessible, published, signIn, type Person } from './kit'

/** Every page, light and dark, wide and narrow: everybody can use it, and none breaks the site's own rules. */

const PAGES: [Person | undefined, string[]][] = [
  [
    undefined,
    ['/', '/?q=pivot', '/?q=nichtsdergleichen', '/login', '/register', '/forgot-password', '/gibtesnicht'],
  ],
  [
    'leo',
    [
      '/account',
      '/account/notifications',
      '/account/security',
      '/account/agreements',
      '/account/tokens',
      '/account/data',
      '/favourites',
      '/lists',
      '/chats',
      '/creator',
      '/moderation',
    ],
  ],
  ['clara', ['/studio', '/studio/new']],
  ['mona', ['/moderation', '/moderation/reports', '/operations/queues']],
  [
    'otto',
    [
      '/operations',
      '/operations/jobs',
      '/operations/errors',
      '/operations/quarantine',
      '/operations/queues',
      '/operations/workers',
      '/operations/schedules',
      '/operations/bulk',
      '/operations/mails',
      '/operations/maintenance',
    ],
  ],
  ['anna', ['/operations/audit', '/operations/users']],
]

/** Where there are folders to put them. */
const SHOTS = process.env.SHOTS_DIR

async function look(page: Page, name: string) {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1440, 360]) {
      await page.emulateMedia({ colorScheme })
      // High enough that no bar lies over a control just now.
      await page.setViewportSize({ width, height: 4000 })
      // Colours change over a moment.
      await page.waitForTimeout(300)
      await accessible(page, `${name} ${colorScheme} ${width}`)
      const file = name.replaceAll(/[^a-z0-9]+/gi, '-')
      if (SHOTS)
        await page.screenshot({ path: `${SHOTS}/${file}-${width}-${colorScheme}.png`, fullPage: true })
    }
  }
}

for (const [person, paths] of PAGES) {
  test(`pages of ${person ?? 'guests'}`, async ({ page }) => {
    const faults: string[] = []
    page.on('pageerror', (error) => faults.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
        faults.push(message.text())
    })
    test.setTimeout(300_000)
    const [id = ''] = await published()
    if (person) await signIn(page, person)
    const all = [
      ...paths,
      ...(person ? [] : [`/nanos/${id}`]),
      ...(person === 'clara' ? [`/studio/nanos/${id}`, `/studio/nanos/${id}/edit`] : []),
    ]
    for (const path of all) {
      await page.goto(path)
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
      // Operations follow a stream, which never rests.
      if (path.startsWith('/operations')) await page.waitForTimeout(2_000)
      else await page.waitForLoadState('networkidle')
      await look(page, `${person ?? 'guest'} ${path.replace(id, 'nano')}`)
    }
    expect(faults).toEqual([])
  })
}
