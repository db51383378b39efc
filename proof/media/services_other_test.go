//go:build !linux

package media

// services are what a child serves.
func services() map[string]any { return map[string]any{"Judge": new(judge)} }
