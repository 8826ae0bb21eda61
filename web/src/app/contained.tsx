import { Component, Suspense, type ReactNode } from 'react'
import { Crash } from '../layout/crash'
import { useLocation } from './navigation'

interface BoundaryProps {
  /** Of the page. */
  at: string
  children: ReactNode
}

class Boundary extends Component<BoundaryProps, { broken: boolean }> {
  override state = { broken: false }

  static getDerivedStateFromError() {
    return { broken: true }
  }

  override componentDidUpdate(before: BoundaryProps) {
    if (this.state.broken && before.at !== this.props.at) this.setState({ broken: false })
  }

  override render() {
    return this.state.broken ? <Crash /> : this.props.children
  }
}

/** A page that cannot be shown takes nothing else with it, and is forgotten at the next address. */
export function Contained({ fallback, children }: { fallback: ReactNode; children: ReactNode }) {
  const { key } = useLocation()
  return (
    <Boundary at={key}>
      <Suspense fallback={fallback}>{children}</Suspense>
    </Boundary>
  )
}
