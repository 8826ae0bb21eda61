import { useState } from 'react'
import type { Nano } from '../api/types'
import { Icon } from './icon'

type Thumbnail = NonNullable<Nano['thumbnail']>

/** Addresses that were given out for a picture, by what does not change about them. */
const given = new Map<string, Thumbnail>()
const lasting = (thumbnail: Thumbnail) => thumbnail[640].split('?')[0] ?? ''

/** The address that a picture was loaded from before: another signature on it would load it once more. */
function steady(thumbnail: Thumbnail): Thumbnail {
  const key = lasting(thumbnail)
  const before = given.get(key)
  if (!before) given.set(key, thumbnail)
  return before ?? thumbnail
}

/** It has expired: the next one that is given out counts. */
const forget = (thumbnail: Thumbnail) => given.delete(lasting(thumbnail))

interface PictureProps {
  nano: Nano
  /** How wide it is shown, for the browser's choice of file. */
  sizes: string
  /** Among the first things on the page. */
  eager?: boolean
}

/** A nano's thumbnail in a box of fixed proportions. It repeats what the title says, so it has no text of its own. */
export function Picture({ nano, sizes, eager }: PictureProps) {
  const [broken, setBroken] = useState<string>()
  const thumbnail = nano.thumbnail && steady(nano.thumbnail)
  const usable = thumbnail && thumbnail[640] !== broken
  return (
    <div className="aspect-video w-full overflow-hidden bg-sunken">
      {usable ? (
        <img
          src={thumbnail[640]}
          srcSet={`${thumbnail[320]} 320w, ${thumbnail[640]} 640w, ${thumbnail[1280]} 1280w`}
          sizes={sizes}
          alt=""
          width={640}
          height={360}
          loading={eager ? 'eager' : 'lazy'}
          fetchPriority={eager ? 'high' : 'auto'}
          decoding="async"
          // Signed addresses expire.
          onError={() => {
            setBroken(thumbnail[640])
            forget(thumbnail)
          }}
          className="size-full object-cover"
        />
      ) : (
        <div className="grid size-full place-items-center bg-accent-soft text-accent">
          <Icon name={nano.format} className="size-12 opacity-70" />
        </div>
      )}
    </div>
  )
}
