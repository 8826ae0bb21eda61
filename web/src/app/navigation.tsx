import {
  createContext,
  startTransition,
  use,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useState,
  type ComponentProps,
  type MouseEvent,
  type ReactNode,
} from 'react'
import type { Action, History, Place } from './history'

/*
 * Addresses and pages. A router of its own: of react-router's 15 kB after gzip (35 with guards against leaving a page) the
 * site would use a tenth, and every page would wait for all of it. ARCHITECTURE.md has the sizes.
 */

interface Navigation {
  history: History
  place: Place
  action: Action
  /** Begins to load the page of an address. */
  preload: (pathname: string) => void
}

const Context = createContext<Navigation | undefined>(undefined)

function useNavigation(): Navigation {
  const navigation = use(Context)
  if (!navigation) throw new Error('outside of <Navigation>')
  return navigation
}

interface NavigationProps {
  history: History
  preload: (pathname: string) => void
  children: ReactNode
}

/** Tells what is inside where the person is. The page before stays until the next one has loaded. */
export function Navigation({ history, preload, children }: NavigationProps) {
  const [{ place, action }, setState] = useState<{ place: Place; action: Action }>({
    place: history.place,
    action: 'pop',
  })
  useLayoutEffect(
    () => history.listen((place, action) => startTransition(() => setState({ place, action }))),
    [history],
  )
  const navigation = useMemo(() => ({ history, preload, place, action }), [history, preload, place, action])
  return <Context value={navigation}>{children}</Context>
}

export const useLocation = (): Place => useNavigation().place

/** How the person got to this page. */
export const useAction = (): Action => useNavigation().action

export interface NavigateOptions {
  /** In place of this page: going back does not lead here again. */
  replace?: boolean
  state?: unknown
}

/** Goes to an address, or so many steps back or forth. */
export function useNavigate() {
  const { history } = useNavigation()
  return useCallback(
    (to: string | number, { replace = false, state }: NavigateOptions = {}): Promise<void> => {
      if (typeof to === 'number') history.go(to)
      else if (replace) history.replace(to, state)
      else history.push(to, state)
      return Promise.resolve()
    },
    [history],
  )
}

/** Leads on at once. */
export function Navigate({ to, replace = false }: { to: string; replace?: boolean }) {
  const navigate = useNavigate()
  useEffect(() => void navigate(to, { replace }), [navigate, to, replace])
  return null
}

const Params = createContext<Record<string, string>>({})

export function WithParams({ params, children }: { params: Record<string, string>; children: ReactNode }) {
  return <Params value={params}>{children}</Params>
}

/** The parts of the address that have a name. */
export const useParams = (): Partial<Record<string, string>> => use(Params)

/** The query of the address, and how it is changed. */
export function useSearchParams() {
  const { search } = useLocation()
  const navigate = useNavigate()
  const params = useMemo(() => new URLSearchParams(search), [search])
  const set = useCallback(
    (next: URLSearchParams | Record<string, string>, options?: NavigateOptions) => {
      const query = new URLSearchParams(next).toString()
      void navigate(query ? `?${query}` : location.pathname, options)
    },
    [navigate],
  )
  return [params, set] as const
}

interface LinkProps extends Omit<ComponentProps<'a'>, 'href'> {
  to: string
  replace?: boolean
}

/** Only a plain click is ours; the browser has other ways to open a link. */
const plain = (event: MouseEvent<HTMLAnchorElement>) =>
  event.button === 0 &&
  !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) &&
  !event.currentTarget.target

export function Link({ to, replace = false, onClick, children, ...rest }: LinkProps) {
  const { history, preload, place } = useNavigation()
  const url = new URL(to, location.origin + place.pathname + place.search)
  const ahead = () => preload(url.pathname)
  return (
    <a
      {...rest}
      href={url.pathname + url.search + url.hash}
      onPointerEnter={ahead}
      onFocus={ahead}
      onClick={(event) => {
        onClick?.(event)
        if (event.defaultPrevented || !plain(event)) return
        event.preventDefault()
        // The same address again is no step.
        const same = url.pathname + url.search + url.hash === place.pathname + place.search + place.hash
        if (replace || same) history.replace(to)
        else history.push(to)
      }}
    >
      {children}
    </a>
  )
}

interface NavLinkProps extends Omit<LinkProps, 'className'> {
  /** Only at this very address, not below it. */
  end?: boolean
  className: (state: { isActive: boolean }) => string
}

/** A link that shows when it leads to where the person is. */
export function NavLink({ end = false, className, ...rest }: NavLinkProps) {
  const { pathname } = useLocation()
  const isActive = pathname === rest.to || (!end && pathname.startsWith(`${rest.to}/`))
  return <Link {...rest} aria-current={isActive ? 'page' : undefined} className={className({ isActive })} />
}
