import { expect, it, vi } from 'vitest'
import { SECTIONS } from './sections'

// What a page has and Node.js has not.
vi.stubGlobal('localStorage', { getItem: () => null })
vi.stubGlobal('navigator', { languages: ['de'] })
vi.stubGlobal('sessionStorage', { getItem: () => null })

it('leads everybody to pages that they may see, and to no others', async () => {
  const { find } = await import('../../routes')
  for (const [name, path, access = 'jobs:read'] of SECTIONS)
    expect([name, find(path).route.path, find(path).route.access]).toEqual([name, path, access])
})
