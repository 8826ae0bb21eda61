import { Link } from '../../app/navigation'
import { useRight } from '../../session/store'
import { short } from './kit'

/** Somebody by their name or id; only who administers accounts can look at them, and reads names. */
export function Person({ id, name }: { id: string; name?: string | null }) {
  const administers = useRight('users:manage')
  const words = name ?? <span className="font-mono text-xs">{short(id)}</span>
  if (!administers) return words
  return (
    <Link to={`/operations/users/${id}`} className="hover:text-accent hover:underline">
      {words}
    </Link>
  )
}
