import { defineConfig } from '@playwright/test'

/** Walks through a running marketplace with its demo content: `BASE_URL=… npm run walks`. It downloads no browser. */
export default defineConfig({
  testDir: 'e2e',
  outputDir: process.env.WALKS_DIR ?? 'node_modules/.walks',
  timeout: 120_000,
  expect: { timeout: 20_000 },
  workers: 1,
  reporter: 'list',
  use: {
    // The site's own address: passkeys and sockets go with no other.
    baseURL: process.env.BASE_URL ?? 'http://localhost:3000',
    locale: 'de-DE',
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu'],
    },
  },
})
