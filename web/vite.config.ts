import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { budget } from './build/budget.ts'
import { compress } from './build/compress.ts'
import { securityHeaders } from './build/headers.ts'

/** Where the API listens; the pages and the API share one origin, here by proxy, in production by the CDN. */
const api = process.env.API_URL ?? 'http://127.0.0.1:8000'
/** Where signed links to files and thumbnails point to. */
const storage = process.env.STORAGE_ORIGIN ?? 'http://127.0.0.1:9000'
const host = '127.0.0.1'
const proxy = { '/api': { target: api, changeOrigin: true, ws: true }, '/docs': api, '/health': api }

/** What guests may see, and the module each page comes with. */
const PUBLIC_PAGES = {
  '/': 'pages/catalogue.tsx',
  '/nanos/:id': 'pages/nano.tsx',
  '/shared-lists/:secret': 'features/collections/shared-list.tsx',
  '/login': 'features/account/login.tsx',
  '/register': 'features/account/register.tsx',
  '/verify-email': 'features/account/verify-email.tsx',
  '/forgot-password': 'features/account/forgot-password.tsx',
  '/reset-password': 'features/account/reset-password.tsx',
}

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    budget({ most: 110_000, pages: PUBLIC_PAGES }),
    compress(),
    securityHeaders(storage),
  ],
  server: { host, port: Number(process.env.PORT ?? 5173), proxy },
  preview: { host, port: Number(process.env.PORT ?? 4173), strictPort: true, proxy },
  // The worker of the archive check is a module that imports others.
  worker: { format: 'es' },
  build: {
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Libraries change less often than pages: browsers keep them from one release to the next.
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler)\// },
            { name: 'query', test: /node_modules\/@tanstack\// },
            { name: 'axios', test: /node_modules\/axios\// },
          ],
        },
      },
    },
  },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
