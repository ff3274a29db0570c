// Package incident carries an alert through the stages to a proposal, and an
// incident from there to its release.
package incident
